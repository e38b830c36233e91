//! Slows down whoever guesses: each failure makes the next attempt wait longer, by address, by account, and by both.
//!
//! No stranger locks an account: where its user was signed in from before, only mistakes made there count. From elsewhere
//! an account under attack is slow, for half a minute at the most; one-time tokens and identity providers still let its
//! user in.
//!
//! Nodes with a hot store of their own making count together (`hot/attempts.rs`). Each counts what it sees itself besides,
//! so that a guesser does not start from nothing when the hot store is away.

mod local;
mod slot;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entity::Timestamp;

use self::local::{Begun, Local};
use self::slot::{Slot, network};
use crate::hot::attempts::{Counted, Verdict};
use crate::hot::{HotError, HotStore};

/// How long failures are remembered after the last.
const MEMORY: Duration = Duration::from_secs(60 * 60);

/// It is too soon for another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSoon {
    /// How long to wait.
    pub wait: Duration,
}

/// Failed attempts.
#[derive(Clone)]
pub struct Attempts {
    local: Local,
    hot: Arc<dyn HotStore>,
    away: Arc<AtomicBool>,
}

impl std::fmt::Debug for Attempts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempts").field("hot", &self.hot.kind()).finish_non_exhaustive()
    }
}

/// An attempt under way. On its account it counts as a failure until it is known to be none, so that many at once are no way
/// around; on its address it counts once it failed, for many good callers may share one.
#[must_use = "an attempt counts as a failure until it succeeds or is no attempt after all"]
#[derive(Debug)]
pub struct Attempt {
    attempts: Attempts,
    now: Timestamp,
    address: Slot,
    local: Option<Begun>,
    shared: Vec<Counted>,
    /// What success forgives.
    forgiven: Option<Slot>,
}

impl Attempts {
    /// Nothing has failed so far, as far as this node knows.
    #[must_use]
    pub fn new(hot: Arc<dyn HotStore>) -> Self {
        Self { local: Local::default(), hot, away: Arc::default() }
    }

    /// Begins an attempt to sign in from an address, to an account if one is named. `familiar` says that the account's user
    /// was signed in from there before.
    ///
    /// # Errors
    /// It is too soon.
    pub async fn begin(
        &self,
        now: Timestamp,
        address: &str,
        account: Option<&str>,
        familiar: bool,
    ) -> Result<Attempt, TooSoon> {
        let network = network(address);
        let account = account.map(str::to_lowercase);
        let both = account.clone().map(|account| Slot::Both(account, network.clone()));
        let everywhere = account.filter(|_| !familiar).map(Slot::Account);
        let address = Slot::Address(network);
        let counted: Vec<Slot> = both.clone().into_iter().chain(everywhere).collect();
        let local = self.local.begin(now, &address, &counted);
        let mut tallies = vec![address.tally(false)];
        tallies.extend(counted.iter().map(|slot| slot.tally(true)));
        let verdict = match self.hot.attempts() {
            Some(shared) => self.heard(shared.attempt(&tallies, MEMORY).await),
            None => None,
        };
        let (local, shared) = match verdict {
            None => (Some(local?), Vec::new()),
            // The nodes together know better: what failed here may have been forgiven elsewhere.
            Some(Verdict::May(shared)) => (local.ok(), shared),
            Some(Verdict::Wait(wait)) => {
                if let Ok(local) = local {
                    self.local.take_back(local);
                }
                return Err(TooSoon { wait });
            }
        };
        Ok(Attempt { attempts: self.clone(), now, address, local, shared, forgiven: both })
    }

    /// Counts a code that somebody at an address has an identity provider asked for.
    ///
    /// # Errors
    /// It is too soon for another.
    pub async fn ask_for_code(&self, now: Timestamp, address: &str) -> Result<(), TooSoon> {
        let slot = Slot::Code(network(address));
        let local = self.local.check_and_count(now, &slot);
        let tallies = [slot.tally(true)];
        let verdict = match self.hot.attempts() {
            Some(shared) => self.heard(shared.attempt(&tallies, MEMORY).await),
            None => None,
        };
        match verdict {
            None => local,
            Some(Verdict::May(_)) => Ok(()),
            Some(Verdict::Wait(wait)) => Err(TooSoon { wait }),
        }
    }

    /// What the nodes know together. `None` without an answer: then this node's own count holds, for nobody may be locked out
    /// because a server is away, nor guess without end.
    fn heard<T>(&self, answer: Result<T, HotError>) -> Option<T> {
        let is_away = answer.is_err();
        // Once an outage, not once an attempt.
        if self.away.swap(is_away, Ordering::AcqRel) != is_away {
            match &answer {
                Ok(_) => tracing::info!("failed sign-ins are counted over all nodes again"),
                Err(error) => tracing::error!(
                    %error,
                    "failed sign-ins cannot be counted in the hot store: each node counts by itself until it is back"
                ),
            }
        }
        answer.ok()
    }
}

impl Attempt {
    /// It was right: the mistakes made there before are forgiven, the others count on.
    pub async fn succeeded(self) {
        let forgiven = self.forgiven.clone();
        let attempts = self.attempts.clone();
        self.undo().await;
        if let Some(slot) = forgiven {
            attempts.local.forget(&slot);
            if let Some(shared) = attempts.hot.attempts() {
                attempts.heard(shared.forget(&slot.key()).await);
            }
        }
    }

    /// It was wrong.
    pub async fn failed(self) {
        self.attempts.local.count(self.now, &self.address);
        let tally = self.address.tally(true);
        if let Some(shared) = self.attempts.hot.attempts() {
            self.attempts.heard(shared.count(&tally, MEMORY).await);
        }
    }

    /// Nobody found out whether it was right.
    pub async fn undo(self) {
        if let Some(local) = self.local {
            self.attempts.local.take_back(local);
        }
        if let Some(shared) = self.attempts.hot.attempts().filter(|_| !self.shared.is_empty()) {
            self.attempts.heard(shared.take_back(&self.shared).await);
        }
    }
}
