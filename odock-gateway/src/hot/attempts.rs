//! Failed attempts that nodes share.

use std::time::Duration;

use super::HotError;

/// What failures are counted by, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Names it. No address and no name of anybody's: hot stores are not for those.
    pub key: String,
    /// Failures without a wait.
    pub free: u32,
    /// The longest wait after those.
    pub most: Duration,
    /// Whether time forgives: one failure a minute.
    pub forgives: bool,
    /// Whether an attempt counts as a failure from its beginning.
    pub counts: bool,
}

/// A tally on which an attempt was counted, with what takes that back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The tally.
    pub key: String,
    /// Until when there was to wait before, in the store's own time.
    pub before: i64,
    /// And since.
    pub since: i64,
}

/// What comes of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be made, and was counted on these.
    May(Vec<Counted>),
    /// It may not be made for so long, and was counted nowhere.
    Wait(Duration),
}

/// Failed attempts, counted over all nodes by the clock of the store.
#[async_trait::async_trait]
pub trait SharedAttempts: Send + Sync {
    /// Checks all tallies, and counts on those that count if none of them says to wait: in one step.
    async fn attempt(&self, tallies: &[Tally], memory: Duration) -> Result<Verdict, HotError>;

    /// Counts a failure.
    async fn count(&self, tally: &Tally, memory: Duration) -> Result<(), HotError>;

    /// Takes back what was counted.
    async fn take_back(&self, counted: &[Counted]) -> Result<(), HotError>;

    /// Forgets a tally.
    async fn forget(&self, key: &str) -> Result<(), HotError>;
}
