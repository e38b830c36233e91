//! Keeps house for jobs: leases of this node's, those of lost nodes, and what is too old.

use std::sync::Arc;
use std::time::{Duration, Instant};

use entity::{JobId, Timestamp};
use sea_orm::DbErr;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Jobs;
use crate::store;

/// The pause between rounds of a node that does jobs: so long may it take until one elsewhere is stopped.
const ROUND: Duration = Duration::from_secs(1);

impl Jobs {
    /// Keeps house until `finished` ends. `now` is the gateway's clock.
    pub async fn keep(self: Arc<Self>, finished: CancellationToken, now: impl Fn() -> Timestamp) {
        let mut tick = interval(ROUND.min(self.config.lease / 4));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut swept: Option<Instant> = None;
        while finished.run_until_cancelled(tick.tick()).await.is_some() {
            let mut done = self.renew().await;
            if done.is_ok() && swept.is_none_or(|at| at.elapsed() >= self.config.lease / 2) {
                swept = Some(Instant::now());
                done = self.sweep(now()).await;
            }
            if let Err(error) = done {
                tracing::warn!(%error, "could not keep house for jobs");
            }
        }
    }

    /// Says that this node still does its jobs, and stops those that are no longer wanted.
    async fn renew(&self) -> Result<(), DbErr> {
        let mine: Vec<JobId> = self.under_way.iter().map(|job| *job.key()).collect();
        if mine.is_empty() {
            return Ok(());
        }
        for unwanted in store::jobs::renew(self.database.writer(), self.node, &mine, self.config.lease).await? {
            if let Some(job) = self.under_way.get(&unwanted) {
                job.cancel();
            }
        }
        Ok(())
    }

    /// Gives up the jobs of lost nodes, and forgets old ones.
    async fn sweep(&self, now: Timestamp) -> Result<(), DbErr> {
        let lost = store::jobs::lose(self.database.writer()).await?;
        if lost > 0 {
            tracing::warn!(jobs = lost, "jobs of lost nodes have failed");
        }
        store::jobs::forget(self.database.writer(), now).await
    }
}
