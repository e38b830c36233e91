//! The hot store of a single process.

use std::time::Duration;

use bytes::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::broadcast;

use super::once::{Begun, Claim, LocalClaims, Outcome};
use super::{HotError, HotStore, Mark, Signal, Subject};

/// Claims that are remembered at once, at most; the oldest go first.
const MAX_CLAIMS: u64 = 200_000;

/// Keeps everything in this process: for one machine without servers.
///
/// It caches no facts: the caches above it already live in this process.
#[derive(Debug)]
pub struct MemoryStore {
    bus: broadcast::Sender<Signal>,
    claims: Cache<String, ClaimTtl>,
    once: LocalClaims,
}

#[derive(Clone, Copy, Debug)]
struct ClaimTtl(Duration);

struct ByClaim;

impl moka::Expiry<String, ClaimTtl> for ByClaim {
    fn expire_after_create(&self, _: &String, ttl: &ClaimTtl, _: std::time::Instant) -> Option<Duration> {
        Some(ttl.0)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            bus: broadcast::Sender::new(1_024),
            claims: Cache::builder()
                .max_capacity(MAX_CLAIMS)
                // By default a full cache prefers what was asked for often, and forgets new claims at once.
                .eviction_policy(EvictionPolicy::lru())
                .expire_after(ByClaim)
                .build(),
            once: LocalClaims::default(),
        }
    }
}

#[async_trait::async_trait]
impl HotStore for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    async fn ping(&self) -> Result<(), HotError> {
        Ok(())
    }

    async fn mark(&self) -> Result<Mark, HotError> {
        Ok(Mark::default())
    }

    async fn recall(&self, _: &str) -> Result<Option<Bytes>, HotError> {
        Ok(None)
    }

    async fn remember(&self, _: &str, _: Bytes, _: &[Subject], _: Mark, _: Duration) -> Result<(), HotError> {
        Ok(())
    }

    async fn claim(&self, key: &str, ttl: Duration) -> Result<bool, HotError> {
        Ok(self.claims.entry_by_ref(key).or_insert(ClaimTtl(ttl)).is_fresh())
    }

    async fn begin(&self, key: &str, claim: Claim<'_>) -> Result<Begun, HotError> {
        Ok(self.once.begin(key, claim))
    }

    async fn finish(&self, key: &str, owner: &str, outcome: &Outcome, ttl: Duration) -> Result<(), HotError> {
        self.once.finish(key, owner, outcome, ttl);
        Ok(())
    }

    async fn release(&self, key: &str, owner: &str) -> Result<(), HotError> {
        self.once.release(key, owner);
        Ok(())
    }

    async fn turn(&self, _: &str) -> Result<Option<u64>, HotError> {
        Ok(None)
    }

    async fn changed(&self, subjects: &[Subject]) -> Result<(), HotError> {
        // Nobody listening is no failure: there is no other node.
        let _ = self.bus.send(Signal::Changed(subjects.into()));
        Ok(())
    }

    async fn all_changed(&self) -> Result<(), HotError> {
        let _ = self.bus.send(Signal::AllChanged);
        Ok(())
    }

    async fn share_live(&self, _: Bytes) -> Result<(), HotError> {
        Ok(())
    }

    async fn tell(&self, _: &str) -> Result<(), HotError> {
        Ok(())
    }

    fn live_wanted(&self) -> bool {
        false
    }

    fn want_live(&self, _: bool) {}

    fn listen(&self) -> broadcast::Receiver<Signal> {
        self.bus.subscribe()
    }

    fn bus_is_up(&self) -> bool {
        true
    }
}
