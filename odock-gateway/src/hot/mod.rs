//! State that is shared, small and fast: cached facts, claims, and the bus on which nodes tell each other what changed.
//!
//! [`MemoryStore`] serves one process, [`RedisStore`] any number of them. Both pass the same contract suite.

pub mod attempts;
mod epochs;
mod memory;
pub mod meters;
pub mod once;
mod redis;
mod reread;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast;
use uuid::Uuid;

use self::attempts::SharedAttempts;
pub use self::epochs::{Epochs, Stamp};
pub use self::memory::MemoryStore;
use self::meters::SharedMeters;
use self::once::{Begun, Claim, Outcome};
pub use self::redis::RedisStore;
pub use self::reread::Reread;

/// What a cached fact depends on: an organisation, a key, a model, a provider, by id.
///
/// A change to a subject makes every fact that depends on it stale, on every node.
pub type Subject = Uuid;

/// A point in the shared history of changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Changes of subjects so far.
    pub changes: u64,
    /// Times that everything was declared changed.
    pub generation: u64,
}

/// The hot store did not answer, or answered nonsense.
#[derive(Debug, thiserror::Error)]
#[error("the hot store is unavailable: {0}")]
pub struct HotError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What a node hears on the bus.
#[derive(Clone, Debug)]
pub enum Signal {
    /// Subjects have changed.
    Changed(Arc<[Subject]>),
    /// Anything may have changed: messages were lost.
    AllChanged,
    /// What another node's live stream shows, as `live::Hub` writes it.
    Live(Bytes),
    /// What another node says about a window of a budget or quota.
    Ledger(String),
}

/// Shared hot state.
#[async_trait::async_trait]
pub trait HotStore: Send + Sync + 'static {
    /// `memory` or `redis`.
    fn kind(&self) -> &'static str;

    /// Asks for a sign of life.
    async fn ping(&self) -> Result<(), HotError>;

    /// A mark in the history of changes, taken before facts are read from the database.
    async fn mark(&self) -> Result<Mark, HotError>;

    /// A fact that some node cached under `key`, if nothing that it depends on has changed since.
    async fn recall(&self, key: &str) -> Result<Option<Bytes>, HotError>;

    /// Caches a fact that was read from the database after `mark` and depends on `subjects`.
    async fn remember(
        &self,
        key: &str,
        fact: Bytes,
        subjects: &[Subject],
        mark: Mark,
        ttl: Duration,
    ) -> Result<(), HotError>;

    /// Takes `key` for `ttl`. False when somebody has it.
    async fn claim(&self, key: &str, ttl: Duration) -> Result<bool, HotError>;

    /// Claims an idempotency key, or says what is known of it.
    async fn begin(&self, key: &str, claim: Claim<'_>) -> Result<Begun, HotError>;

    /// Ends the claim of `owner` on an idempotency key with what came of it, which is remembered for `ttl`.
    async fn finish(&self, key: &str, owner: &str, outcome: &Outcome, ttl: Duration) -> Result<(), HotError>;

    /// Gives up the claim of `owner` on an idempotency key, as if it had never been made.
    async fn release(&self, key: &str, owner: &str) -> Result<(), HotError>;

    /// The next turn of `name`, counted over all nodes from 0; `None` where this process is the only node, and counts by
    /// itself.
    async fn turn(&self, name: &str) -> Result<Option<u64>, HotError>;

    /// Says that `subjects` have changed, here and on every other node.
    async fn changed(&self, subjects: &[Subject]) -> Result<(), HotError>;

    /// Says that anything may have changed, here and on every other node.
    async fn all_changed(&self) -> Result<(), HotError>;

    /// Hands a piece of the live stream to the other nodes, if any of them has somebody watching.
    async fn share_live(&self, news: Bytes) -> Result<(), HotError>;

    /// Says something about a window of a budget or quota to every other node.
    async fn tell(&self, word: &str) -> Result<(), HotError>;

    /// Whether another node has somebody watching the live stream.
    fn live_wanted(&self) -> bool;

    /// Says whether this node has somebody watching the live stream.
    fn want_live(&self, wanted: bool);

    /// Listens to the bus.
    fn listen(&self) -> broadcast::Receiver<Signal>;

    /// Whether the bus is up. While it is down, changes made on other nodes go unheard.
    fn bus_is_up(&self) -> bool;

    /// The meters that nodes share; `None` where this process is the only node, and counts by itself.
    fn meters(&self) -> Option<&dyn SharedMeters> {
        None
    }

    /// The failed sign-ins that nodes share; `None` where this process is the only node, and counts by itself.
    fn attempts(&self) -> Option<&dyn SharedAttempts> {
        None
    }
}
