//! Claims on idempotency keys: who came first with a key, and what became of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// What a request with an idempotency key asks for, as a hash: another request with the same key must be the same.
pub type Fingerprint = [u8; 32];

/// A claim on an idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The id of the request.
    pub owner: &'a str,
    /// What it asks for.
    pub fingerprint: Fingerprint,
    /// How long it may take. An open claim that is older was left behind by a node that died.
    pub lease: Duration,
    /// How long its outcome is remembered.
    pub ttl: Duration,
}

/// What is known of an idempotency key. The text is the id of the request that came first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: the claim is made.
    Fresh,
    /// The first request is still under way.
    InProgress(String),
    /// The first request asked for something else.
    Other(String),
    /// The first request has an outcome, which is here.
    Kept(Bytes),
    /// The first request has an outcome, which was too large to be kept.
    NotKept(String),
    /// Nobody knows what came of the first request.
    Unknown(String),
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This.
    Kept(Bytes),
    /// Something that is too large to be kept.
    NotKept,
    /// Nobody knows.
    Unknown,
}

impl Outcome {
    /// Its name in the shared store.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Kept(_) => "kept",
            Self::NotKept => "not_kept",
            Self::Unknown => "unknown",
        }
    }
}

/// Claims that are remembered at once, at most; the oldest go first.
const MAX_CLAIMS: u64 = 200_000;
/// Bytes of answers that are kept at once, at most; the oldest go first.
const MAX_BYTES: u64 = 64 << 20;

/// The claims of a single process.
#[derive(Debug)]
pub(super) struct LocalClaims {
    claims: Cache<String, Arc<Known>>,
    /// Apart from the claims: an answer that had to go must not let the request be made again.
    answers: Cache<String, (Duration, Bytes)>,
}

#[derive(Debug)]
struct Known {
    owner: String,
    fingerprint: Fingerprint,
    state: State,
    keep: Duration,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Open { until: Instant },
    Kept,
    NotKept,
    Unknown,
}

/// Each entry says itself how long it is kept, counted from when it was last written.
struct BySelf;

impl Expiry<String, Arc<Known>> for BySelf {
    fn expire_after_create(&self, _: &String, known: &Arc<Known>, _: Instant) -> Option<Duration> {
        Some(known.keep)
    }

    fn expire_after_update(&self, _: &String, known: &Arc<Known>, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(known.keep)
    }
}

impl Expiry<String, (Duration, Bytes)> for BySelf {
    fn expire_after_create(&self, _: &String, answer: &(Duration, Bytes), _: Instant) -> Option<Duration> {
        Some(answer.0)
    }
}

impl Default for LocalClaims {
    fn default() -> Self {
        let size =
            |key: &String, answer: &(Duration, Bytes)| u32::try_from(key.len() + answer.1.len()).unwrap_or(u32::MAX);
        Self {
            claims: Cache::builder()
                .max_capacity(MAX_CLAIMS)
                .eviction_policy(EvictionPolicy::lru())
                .expire_after(BySelf)
                .build(),
            answers: Cache::builder()
                .max_capacity(MAX_BYTES)
                .weigher(size)
                .eviction_policy(EvictionPolicy::lru())
                .expire_after(BySelf)
                .build(),
        }
    }
}

impl LocalClaims {
    pub(super) fn begin(&self, key: &str, claim: Claim<'_>) -> Begun {
        let now = Instant::now();
        let entry = self.claims.entry_by_ref(key).or_insert_with(|| {
            Arc::new(Known {
                owner: claim.owner.to_owned(),
                fingerprint: claim.fingerprint,
                state: State::Open { until: now + claim.lease },
                keep: claim.lease + claim.ttl,
            })
        });
        if entry.is_fresh() {
            return Begun::Fresh;
        }
        let known = entry.into_value();
        let first = known.owner.clone();
        if known.fingerprint != claim.fingerprint {
            return Begun::Other(first);
        }
        match known.state {
            State::Open { until } if now < until => Begun::InProgress(first),
            State::Open { .. } | State::Unknown => Begun::Unknown(first),
            State::NotKept => Begun::NotKept(first),
            State::Kept => match self.answers.get(key) {
                Some((_, answer)) => Begun::Kept(answer),
                None => Begun::NotKept(first),
            },
        }
    }

    pub(super) fn finish(&self, key: &str, owner: &str, outcome: &Outcome, ttl: Duration) {
        // Only its owner finishes a claim, so nobody else changes it meanwhile.
        let Some(known) = self.claims.get(key).filter(|known| known.owner == owner) else { return };
        let state = match outcome {
            Outcome::Kept(answer) => {
                self.answers.insert(key.to_owned(), (ttl, answer.clone()));
                State::Kept
            }
            Outcome::NotKept => State::NotKept,
            Outcome::Unknown => State::Unknown,
        };
        let done = Known { owner: owner.to_owned(), fingerprint: known.fingerprint, state, keep: ttl };
        self.claims.insert(key.to_owned(), Arc::new(done));
    }

    pub(super) fn release(&self, key: &str, owner: &str) {
        let mine = |known: &Arc<Known>| known.owner == owner && matches!(known.state, State::Open { .. });
        if self.claims.get(key).is_some_and(|known| mine(&known)) {
            self.claims.invalidate(key);
        }
    }
}
