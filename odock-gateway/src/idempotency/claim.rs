//! The claim of one request on its key.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{Answer, Idempotency};
use crate::hot::once::Outcome;

/// Pauses before each try to write down what came of a request.
const TRIES: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(20),
];
/// Tries to give up a claim that came to nothing. After that it ends by itself, with its lease.
const TRIES_TO_GIVE_UP: usize = 3;
/// How long a caller waits until what came of its request is written down, so that a repeat finds it.
const WAIT: Duration = Duration::from_millis(500);

/// A request's claim on its idempotency key.
///
/// Dropped, it is given up, so that a repeat is made anew; or, once the request may have reached an upstream, it stays, so
/// that none is.
#[must_use = "the claim ends when this is dropped"]
pub struct Claim {
    engine: Arc<Idempotency>,
    key: String,
    owner: String,
    /// Where the end is written from: a claim may be dropped anywhere.
    runtime: Handle,
    at_risk: bool,
    ended: bool,
}

/// The end of a claim on its way to the store.
pub struct Written(JoinHandle<()>);

impl Written {
    /// Waits until it is there, but not for long: it gets there anyway.
    pub async fn wait(self) {
        let _ = timeout(WAIT, self.0).await;
    }
}

impl Claim {
    pub(super) fn new(engine: Arc<Idempotency>, key: String, owner: String) -> Self {
        Self { engine, key, owner, runtime: Handle::current(), at_risk: false, ended: false }
    }

    /// Notes that another request has the key: nothing is to be given up.
    pub(super) fn is_anothers(&mut self) {
        self.ended = true;
    }

    /// Notes that from now on an upstream may do what is asked.
    pub fn sent(&mut self) {
        self.at_risk = true;
    }

    /// Notes that no upstream did what was asked, and a repeat does no harm.
    pub fn came_to_nothing(&mut self) {
        self.at_risk = false;
    }

    /// The largest answer that is kept, in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.engine.max_bytes()
    }

    /// Keeps the answer for those who ask again; of one that is too large, only that there was one.
    pub fn keep(mut self, status: StatusCode, headers: &HeaderMap, body: &[Bytes]) -> Written {
        let size: usize = body.iter().map(Bytes::len).sum();
        let written = (size <= self.max_bytes()).then(|| Answer::write(&self.owner, status, headers, body)).flatten();
        let sealed = written.and_then(|clear| self.engine.seal(&self.key, clear));
        self.end(Some(sealed.map_or(Outcome::NotKept, Outcome::Kept)))
    }

    /// Notes that there was an answer, which is too large to be kept.
    pub fn too_large(mut self) -> Written {
        self.end(Some(Outcome::NotKept))
    }

    /// Ends the claim of a request that has no answer to keep.
    pub fn give_up(mut self) -> Written {
        self.end(self.at_risk.then_some(Outcome::Unknown))
    }

    fn end(&mut self, outcome: Option<Outcome>) -> Written {
        self.ended = true;
        let (engine, key, owner) = (Arc::clone(&self.engine), self.key.clone(), self.owner.clone());
        // On a task of its own: it must be written even if the caller hangs up meanwhile.
        Written(self.runtime.spawn(async move {
            let tries = if outcome.is_some() { TRIES.len() } else { TRIES_TO_GIVE_UP };
            for pause in &TRIES[..tries] {
                sleep(*pause).await;
                let written = match &outcome {
                    Some(outcome) => engine.hot.finish(&key, &owner, outcome, engine.config.ttl).await,
                    None => engine.hot.release(&key, &owner).await,
                };
                match written {
                    Ok(()) => return,
                    Err(error) => tracing::debug!(%error, "could not write down what came of an idempotent request"),
                }
            }
            if outcome.is_some() {
                tracing::warn!(
                    request.id = owner,
                    "could not write down what came of an idempotent request: repeats are refused until its key is forgotten"
                );
            }
        }))
    }
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim").field("owner", &self.owner).field("at_risk", &self.at_risk).finish_non_exhaustive()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.ended {
            let outcome = self.at_risk.then_some(Outcome::Unknown);
            drop(self.end(outcome));
        }
    }
}
