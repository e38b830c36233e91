//! Reading a cached fact again while changes made on other nodes cannot be heard.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

/// While changes made on other nodes cannot be heard, a cached fact is asked for again after this long.
const DEAF_TTL: Duration = Duration::from_secs(1);

/// When a fact was read, and whose turn it is to read it again.
///
/// Of many requests that need the same fact, one reads it and the others wait for it. Once that has failed, nobody waits
/// any more: one request at a time tries, and the others go on with what is known.
#[derive(Debug)]
pub struct Reread {
    /// By the clock that only goes forward.
    read_at: Instant,
    turn: Mutex<()>,
    failed: AtomicBool,
}

impl Default for Reread {
    fn default() -> Self {
        Self { read_at: Instant::now(), turn: Mutex::new(()), failed: AtomicBool::new(false) }
    }
}

impl Reread {
    /// Whether the fact is young enough to be used unheard.
    pub fn is_recent(&self) -> bool {
        self.read_at.elapsed() < DEAF_TTL
    }

    /// Waits for the turn to read the fact again; `None` when it must do as it is. Who gets a turn looks first whether
    /// somebody else has read the fact meanwhile.
    pub async fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        if self.failed.load(Ordering::Acquire) {
            return self.turn.try_lock().ok();
        }
        let turn = self.turn.lock().await;
        // Those who waited for a try that failed do not try one after the other.
        (!self.failed.load(Ordering::Acquire)).then_some(turn)
    }

    /// Notes that the fact could not be read.
    pub fn failed(&self) {
        self.failed.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_reads_at_a_time_and_after_a_failure_nobody_waits() {
        let fact = Reread::default();
        assert!(fact.is_recent());
        let turn = fact.turn().await.unwrap();
        let mut waits = Box::pin(fact.turn());
        assert!(futures_util::poll!(&mut waits).is_pending(), "the second waits for the first");
        fact.failed();
        drop(turn);
        assert!(waits.await.is_none(), "it does not repeat what has just failed");
        let turn = fact.turn().await.expect("somebody tries again");
        assert!(fact.turn().await.is_none(), "and nobody waits for it");
        drop(turn);
    }
}
