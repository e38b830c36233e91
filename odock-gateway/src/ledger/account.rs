//! What a node knows and holds of one budget or quota.
//!
//! The capacity that the node holds of a window (`slice`) is on the books as a lease. Requests set aside from it in memory
//! (`held`); when they end, what they consumed waits for its record to be committed (`unsettled`), and the commit takes it
//! from the lease and from `slice` alike. So `slice - held - unsettled` is free, and what the books say and what is in memory
//! change by the same amounts, in whatever order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use entity::vocab::Metric;
use entity::{Timestamp, WindowId};

use super::Limit;

/// How long a refusal is remembered: those who come meanwhile are refused without asking anybody.
const REFUSAL_TTL: Duration = Duration::from_millis(100);

/// What a node knows and holds of one budget or quota.
pub(super) struct Account {
    state: Mutex<State>,
    /// Held by whoever asks the database: one at a time, and the others find what it got.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// Told when another node has answered an ask.
    pub(super) answered: tokio::sync::Notify,
}

pub(super) struct State {
    /// The newest version that was seen.
    pub(super) limit: Arc<Limit>,
    pub(super) windows: Vec<Slice>,
    /// Windows of which nobody knows whether the books took what they were told: they are asked again.
    pub(super) doubts: Vec<(Timestamp, Timestamp)>,
    /// Between these instants no window is open.
    closed: Option<(Timestamp, Timestamp)>,
}

/// What a node knows and holds of one window. Amounts are in the metric's unit.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) id: WindowId,
    pub(super) span: (Timestamp, Timestamp),
    /// The revision of the limit whose terms were last read.
    pub(super) revision: i64,
    pub(super) limit: i64,
    /// What everybody consumed, as last read, with this node's own since then.
    pub(super) used: i64,
    /// What could be granted, as last read.
    pub(super) available: i64,
    /// How much more is lent than there is: what becomes free is given back before it is used again.
    pub(super) over: i64,
    pub(super) slice: i64,
    pub(super) held: i64,
    pub(super) unsettled: i64,
    /// What is on its way back to the books: no longer in `slice`, and perhaps still on the lease.
    pub(super) returning: i64,
    /// Below this much free, more is asked for before it is needed.
    pub(super) low: i64,
    pub(super) asking_ahead: bool,
    /// `held` as the books have it.
    pub(super) reported: i64,
    pub(super) valid_until: Instant,
    pub(super) granted_at: Instant,
    pub(super) touched: Instant,
    /// When more than this was refused.
    refused: Option<(Instant, i64)>,
}

/// What a look at an account says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The limit does not apply at this time.
    Idle,
    /// It fits; `left` is what was free on this node or could be granted.
    Fits {
        /// What was left before.
        left: i64,
    },
    /// The database must be asked.
    Ask,
    /// There is not enough, and it is known.
    Refused {
        /// What is left.
        left: i64,
    },
}

impl Account {
    pub(super) fn new(limit: Arc<Limit>) -> Self {
        Self {
            state: Mutex::new(State { limit, windows: Vec::new(), doubts: Vec::new(), closed: None }),
            turn: tokio::sync::Mutex::default(),
            answered: tokio::sync::Notify::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes up a newer version of the limit; an older one, from a request that has been under way for long, is ignored.
    pub(super) fn learn(&mut self, limit: &Arc<Limit>) {
        if limit.revision > self.limit.revision {
            self.limit = Arc::clone(limit);
            self.closed = None;
        }
    }

    /// The window that holds `at`, if this node has it. After a change of the period or the timezone, windows under the old
    /// terms overlap those under the new ones for as long as requests are charged to them: the newest terms count.
    pub(super) fn slice(&mut self, at: Timestamp) -> Option<&mut Slice> {
        let holding = self.windows.iter_mut().filter(|slice| slice.span.0 <= at && at < slice.span.1);
        holding.max_by_key(|slice| slice.revision)
    }

    /// Notes that the books may or may not have taken what they were told of a window.
    pub(super) fn doubt(&mut self, span: (Timestamp, Timestamp)) {
        if !self.doubts.contains(&span) {
            self.doubts.push(span);
        }
    }

    pub(super) fn by_span(&mut self, span: (Timestamp, Timestamp)) -> Option<&mut Slice> {
        self.windows.iter_mut().find(|slice| slice.span == span)
    }

    pub(super) fn by_id(&mut self, id: WindowId) -> Option<&mut Slice> {
        self.windows.iter_mut().find(|slice| slice.id == id)
    }

    /// Whether `amount` can be set aside for a request of the instant `at`.
    pub(super) fn look(&mut self, amount: i64, at: Timestamp, now: Instant) -> Look {
        if self.closed.is_some_and(|(from, to)| from <= at && at < to) {
            return Look::Idle;
        }
        let (afterwards, revision) = (is_known_afterwards(self.limit.metric), self.limit.revision);
        let Some(slice) = self.slice(at).filter(|slice| slice.revision == revision) else { return Look::Ask };
        if afterwards {
            let left = slice.limit - slice.used;
            return if now > slice.valid_until {
                Look::Ask
            } else if left <= 0 {
                Look::Refused { left }
            } else {
                Look::Fits { left }
            };
        }
        let free = slice.usable();
        if now > slice.valid_until {
            return Look::Ask;
        }
        if free >= amount {
            return Look::Fits { left: free.saturating_add(slice.available) };
        }
        match slice.refused {
            Some((when, left)) if now.duration_since(when) < REFUSAL_TTL && amount > left.max(free) => {
                Look::Refused { left: left.max(free) }
            }
            _ => Look::Ask,
        }
    }

    /// Sets `amount` aside, after a look that said that it fits. Says which window it was, and whether it is time to ask
    /// for more.
    pub(super) fn take(
        &mut self,
        amount: i64,
        at: Timestamp,
        now: Instant,
    ) -> Option<(WindowId, Timestamp, i64, bool)> {
        let slice = self.slice(at)?;
        slice.held += amount;
        slice.touched = now;
        let ahead = !slice.asking_ahead && slice.available > 0 && slice.free() < slice.low;
        slice.asking_ahead |= ahead;
        Some((slice.id, slice.span.1, slice.limit, ahead))
    }

    /// Notes that no window is open at `at`.
    pub(super) fn close(&mut self, at: Timestamp) {
        let (starts, ends) = (self.limit.starts_at, self.limit.ends_at);
        self.closed = Some(match (starts, ends) {
            (Some(start), _) if at < start => (Timestamp(i64::MIN), start),
            (_, Some(end)) if end <= at => (end, Timestamp(i64::MAX)),
            _ => (at, Timestamp(at.0 + 1)),
        });
    }
}

impl Slice {
    pub(super) fn new(id: WindowId, span: (Timestamp, Timestamp), now: Instant) -> Self {
        Self {
            id,
            span,
            revision: i64::MIN,
            limit: 0,
            used: 0,
            available: 0,
            over: 0,
            slice: 0,
            held: 0,
            unsettled: 0,
            returning: 0,
            low: 0,
            asking_ahead: false,
            reported: 0,
            valid_until: now,
            granted_at: now,
            touched: now,
            refused: None,
        }
    }

    /// What this node holds beyond what its requests need.
    pub(super) const fn free(&self) -> i64 {
        self.slice - self.held - self.unsettled
    }

    /// What can be set aside without asking anybody.
    pub(super) const fn usable(&self) -> i64 {
        self.free() - self.over
    }

    /// What can be given back and is used by nobody meanwhile: under new terms nothing is taken until they are taken up,
    /// and what is lent too much is not taken either.
    pub(super) fn spare(&self, revision: i64) -> i64 {
        let free = self.free().max(0);
        if self.revision < revision { free } else { free.min(self.over) }
    }

    /// Remembers that no more than `left` could be had.
    pub(super) fn refuse(&mut self, left: i64, now: Instant) {
        self.refused = Some((now, left));
    }

    pub(super) fn forget_refusal(&mut self) {
        self.refused = None;
    }

    /// The lease is gone: what is under way still counts, but nothing is free.
    pub(super) fn lose(&mut self) {
        self.slice = 0;
        self.low = 0;
    }

    /// Whether nothing of the window concerns this node any more. A debt does not: what was consumed beyond the lease is in
    /// `used`, and whoever begins anew is granted as much less.
    pub(super) const fn is_empty(&self) -> bool {
        self.slice <= 0 && self.held == 0 && self.unsettled == 0
    }
}

/// Whether a metric can be counted only when a request has ended, so that nothing of it is set aside.
pub(super) const fn is_known_afterwards(metric: Metric) -> bool {
    matches!(metric, Metric::Errors | Metric::LatencyMs)
}
