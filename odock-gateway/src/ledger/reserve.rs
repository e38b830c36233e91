//! Setting aside what a request may consume: of every window that applies, or of none.

use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use entity::Timestamp;
use entity::usage::ReservationMark;

use super::account::{Account, Look, State};
use super::hold::{Held, Hold};
use super::{Ledger, Limit};
use crate::config::LedgerFailure;

/// Rounds of asking for one request. Each ends with capacity, a refusal or an error, unless others take what was granted.
const ROUNDS: usize = 32;

/// What a request may consume of one budget or quota.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The budget or quota.
    pub limit: Arc<Limit>,
    /// How much at the most, in the metric's unit; 0 for metrics that are known only afterwards.
    pub amount: i64,
}

/// Why nothing was set aside.
#[derive(Debug)]
pub enum Refused {
    /// A window has not enough left.
    Spent {
        /// Which of the claims.
        limit: Arc<Limit>,
        /// What was claimed.
        claimed: i64,
        /// What is left of the window.
        left: i64,
        /// The window's limit.
        of: i64,
        /// When the window ends.
        ends_at: Timestamp,
    },
    /// Nobody can say what is left.
    Unknown(String),
}

enum Step {
    Taken(Vec<Held>, Vec<ReservationMark>, Vec<(Arc<Account>, Arc<Limit>)>),
    Ask(usize),
    Spent { index: usize, left: i64, of: i64, ends_at: Timestamp },
}

impl Ledger {
    /// Sets aside what is claimed for a request of the instant `at`, of all windows or of none. Waits for nobody as long as
    /// this node holds enough.
    ///
    /// # Errors
    /// When a window has not enough left, or nobody can say.
    pub async fn reserve(
        self: &Arc<Self>,
        claims: &[Claim],
        at: Timestamp,
    ) -> Result<(Hold, Vec<ReservationMark>), Refused> {
        let accounts: Vec<Arc<Account>> = claims.iter().map(|claim| self.account(&claim.limit)).collect();
        for _ in 0..ROUNDS {
            match step(&accounts, claims, at) {
                Step::Taken(held, marks, ahead) => {
                    for (account, limit) in ahead {
                        self.ask_ahead(account, limit, at);
                    }
                    return Ok((Hold { ledger: Arc::clone(self), at, held }, marks));
                }
                Step::Spent { index, left, of, ends_at } => {
                    let claim = &claims[index];
                    let (limit, claimed) = (Arc::clone(&claim.limit), claim.amount);
                    return Err(Refused::Spent { limit, claimed, left, of, ends_at });
                }
                Step::Ask(index) => {
                    let claim = &claims[index];
                    // Boxed: what the usual request does not need shall not make its future large.
                    let asked = Box::pin(self.refill(&accounts[index], claim.amount, at)).await;
                    match asked {
                        Ok(()) => {}
                        Err(error) if self.config.failure_mode == LedgerFailure::Open => {
                            tracing::warn!(%error, limit = %claim.limit.name, "serving a request although nobody can say what is left");
                            return Ok((Hold { ledger: Arc::clone(self), at, held: Vec::new() }, Vec::new()));
                        }
                        Err(error) => return Err(Refused::Unknown(error)),
                    }
                }
            }
        }
        Err(Refused::Unknown("others took what was granted, again and again".into()))
    }

    /// What a reservation would find, and nothing set aside: as far as this node knows.
    ///
    /// # Errors
    /// When the database cannot say.
    pub async fn look(self: &Arc<Self>, claims: &[Claim], at: Timestamp) -> Result<Vec<ReservationMark>, String> {
        let mut marks = Vec::new();
        for claim in claims {
            let account = self.account(&claim.limit);
            for _ in 0..ROUNDS {
                match glance(&account, claim, at) {
                    Glance::Idle => break,
                    Glance::Seen(mark) => {
                        marks.push(mark);
                        break;
                    }
                    Glance::Ask => self.refill(&account, claim.amount, at).await?,
                }
            }
        }
        Ok(marks)
    }
}

enum Glance {
    Idle,
    Seen(ReservationMark),
    Ask,
}

fn glance(account: &Account, claim: &Claim, at: Timestamp) -> Glance {
    let mut state = account.lock();
    state.learn(&claim.limit);
    let looked = state.look(claim.amount, at, Instant::now());
    match (looked, state.slice(at)) {
        (Look::Idle, _) => Glance::Idle,
        (Look::Fits { left }, Some(slice)) => Glance::Seen(mark(claim, left, slice.limit, slice.span.1, false)),
        (Look::Refused { left }, Some(slice)) => Glance::Seen(mark(claim, left, slice.limit, slice.span.1, true)),
        _ => Glance::Ask,
    }
}

fn step(accounts: &[Arc<Account>], claims: &[Claim], at: Timestamp) -> Step {
    let now = Instant::now();
    // Claims come in the order of their limits' ids, so no two requests wait for each other in a circle.
    let mut states: Vec<MutexGuard<'_, State>> = accounts.iter().map(|account| account.lock()).collect();
    let mut lefts = [0_i64; 8];
    let mut rest = Vec::new();
    for (index, (state, claim)) in states.iter_mut().zip(claims).enumerate() {
        state.learn(&claim.limit);
        let left = match state.look(claim.amount, at, now) {
            Look::Idle => i64::MIN,
            Look::Fits { left } => left,
            Look::Ask => return Step::Ask(index),
            Look::Refused { left } => {
                let slice = state.slice(at);
                let (of, ends_at) = slice.map_or((0, at), |slice| (slice.limit, slice.span.1));
                return Step::Spent { index, left, of, ends_at };
            }
        };
        match lefts.get_mut(index) {
            Some(place) => *place = left,
            None => rest.push(left),
        }
    }
    let mut held = Vec::with_capacity(claims.len());
    let mut marks = Vec::with_capacity(claims.len());
    let mut ahead = Vec::new();
    for (index, (state, claim)) in states.iter_mut().zip(claims).enumerate() {
        let left = lefts.get(index).copied().unwrap_or_else(|| rest[index - lefts.len()]);
        if left == i64::MIN {
            continue;
        }
        let Some((window, ends_at, limit, low)) = state.take(claim.amount, at, now) else { continue };
        let (account, metric) = (Arc::clone(&accounts[index]), claim.limit.metric);
        if low {
            ahead.push((Arc::clone(&account), Arc::clone(&claim.limit)));
        }
        held.push(Held { account, window, metric, amount: claim.amount });
        marks.push(mark(claim, left, limit, ends_at, false));
    }
    Step::Taken(held, marks, ahead)
}

fn mark(claim: &Claim, left: i64, limit: i64, ends_at: Timestamp, refused: bool) -> ReservationMark {
    ReservationMark {
        kind: claim.limit.kind,
        name: Arc::clone(&claim.limit.name),
        metric: claim.limit.metric,
        estimate: claim.amount,
        limit,
        left,
        ends_at,
        refused,
    }
}
