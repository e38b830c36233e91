//! Everything wired together, once.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::hot::{Epochs, HotStore, Subject};
use crate::live::Hub;
use crate::secrets::Sealing;
use crate::store::Database;

/// A running gateway: what both planes share.
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

/// The parts of a gateway. Reached through [`Gateway`], which is cheap to clone.
pub struct Parts {
    /// What it was told.
    pub config: Arc<Config>,
    /// The system of record.
    pub database: Database,
    /// Shared hot state.
    pub hot: Arc<dyn HotStore>,
    /// What has changed, for every cache of this node.
    pub epochs: Arc<Epochs>,
    /// The key pair that secrets are sealed for.
    pub sealing: Arc<Sealing>,
    /// Finished requests, for whoever watches.
    pub live: Arc<Hub>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl std::ops::Deref for Gateway {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Parts {
    /// Makes every cached fact about `subjects` stale: here at once, on other nodes within a second. To be called after
    /// the change is committed.
    pub async fn invalidate(&self, subjects: &[Subject]) {
        self.epochs.changed(subjects);
        if let Err(error) = self.hot.changed(subjects).await {
            // Other nodes notice that the bus is down and stop trusting their caches by themselves.
            tracing::error!(%error, "could not tell other nodes about a change");
        }
    }
}
