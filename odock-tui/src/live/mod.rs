//! What the live stream has told: seconds for the charts, requests for the tail, the last minute of every key.

pub mod activity;
pub mod requests;
pub mod ticks;

use std::sync::Arc;

use entity::live::{Gap, Threshold, Tick};
use entity::usage::UsageRecord;

use crate::env::Env;
pub use activity::{Activity, KeyRate};
pub use requests::Requests;
pub use ticks::{Dimension, Metric, Ticks};

/// Everything that the live stream has told, in rings of fixed size.
#[derive(Debug, Default)]
pub struct Live {
    /// One slot a second, for the charts.
    pub ticks: Ticks,
    /// The latest requests.
    pub requests: Requests,
    /// What each key did in the last minute.
    pub activity: Activity,
    /// The threshold of a budget or quota that was reached last.
    pub threshold: Option<Threshold>,
    /// Requests that the gateway could not send because we were too slow.
    pub missed: u64,
}

impl Live {
    /// Takes a second in.
    pub fn tick(&mut self, tick: Tick, env: &Env) {
        self.ticks.push(tick);
        self.activity.expire(env.mono);
    }

    /// Takes a request in and returns its number.
    pub fn request(&mut self, record: Arc<UsageRecord>, env: &Env) -> u64 {
        self.activity.note(&record, env.mono);
        self.requests.push(record)
    }

    /// Notes that requests are missing.
    pub fn gap(&mut self, gap: Gap) {
        self.missed = self.missed.saturating_add(gap.missed.unwrap_or(1));
        self.activity.incomplete();
    }
}
