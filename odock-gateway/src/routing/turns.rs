//! Whose turn it is, over all nodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use entity::ApiKeyId;
use entity::vocab::ModelType;

use crate::hot::HotStore;

/// Hands out turns to the calls of keys that rotate their candidates. Keys that do not are never asked about.
///
/// On Redis a turn is one round trip. While Redis is away each node counts by itself.
pub struct Turns {
    hot: Arc<dyn HotStore>,
    local: DashMap<(ApiKeyId, ModelType), AtomicU64>,
}

impl Turns {
    /// Nobody has had a turn yet.
    pub fn new(hot: Arc<dyn HotStore>) -> Self {
        Self { hot, local: DashMap::new() }
    }

    /// The next turn of a key's calls of that type of model: 0, 1, 2 …
    pub async fn next(&self, key: ApiKeyId, model: ModelType) -> u64 {
        let name = format!("{}:{model}", key.0.simple());
        match self.hot.turn(&name).await {
            Ok(Some(turn)) => turn,
            Ok(None) => self.local(key, model),
            Err(error) => {
                tracing::debug!(%error, "the hot store is away: this node rotates by itself");
                self.local(key, model)
            }
        }
    }

    fn local(&self, key: ApiKeyId, model: ModelType) -> u64 {
        if let Some(turns) = self.local.get(&(key, model)) {
            return turns.fetch_add(1, Ordering::Relaxed);
        }
        self.local.entry((key, model)).or_default().fetch_add(1, Ordering::Relaxed)
    }
}
