//! What requests that are still under way ask of the books: how their windows stand, and more than they had set aside.

use std::sync::Arc;
use std::time::Instant;

use entity::vocab::Metric;
use entity::{Timestamp, WindowId};
use sea_orm::DbErr;

use super::account::Account;
use super::{Hold, Ledger, Limit};
use crate::store::ledger as books;

/// What a request has set aside of one window.
#[derive(Clone, Debug)]
pub struct Part {
    /// The budget or quota, in the newest version that this node knows.
    pub limit: Arc<Limit>,
    /// The window.
    pub window: WindowId,
    /// When it ends.
    pub ends_at: Timestamp,
    /// How much, in the metric's unit.
    pub amount: i64,
}

/// A budget or quota of which this node does not hold enough.
pub struct Lack {
    account: Arc<Account>,
    amount: i64,
    /// The budget or quota.
    pub limit: Arc<Limit>,
    /// What there may be in the window.
    pub of: i64,
    /// When the window ends.
    pub ends_at: Timestamp,
}

impl Hold {
    /// What is set aside, window by window.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let part = |part: &super::hold::Held| {
            let mut state = part.account.lock();
            let limit = Arc::clone(&state.limit);
            let ends_at = state.by_id(part.window)?.span.1;
            Some(Part { limit, window: part.window, ends_at, amount: part.amount })
        };
        self.held.iter().filter_map(part).collect()
    }

    /// Sets aside as much as is `wanted` of each metric, where that is more than before, out of what this node holds: nobody
    /// is asked. Of a window that is not strict and has too little, nothing more is set aside; the request is charged for it
    /// in the end.
    ///
    /// # Errors
    /// A hard budget of which this node does not hold enough.
    pub fn extend(&mut self, wanted: impl Fn(Metric) -> i64) -> Result<(), Lack> {
        self.grow(wanted, Limit::is_hard)
    }

    /// As [`Hold::extend`], but every window must have enough: as if it were set aside anew.
    ///
    /// # Errors
    /// A budget or quota of which this node does not hold enough.
    pub fn top_up(&mut self, wanted: impl Fn(Metric) -> i64) -> Result<(), Lack> {
        self.grow(wanted, |_| true)
    }

    fn grow(&mut self, wanted: impl Fn(Metric) -> i64, binds: impl Fn(&Limit) -> bool) -> Result<(), Lack> {
        let now = Instant::now();
        for part in &mut self.held {
            let wanted = wanted(part.metric);
            let more = wanted - part.amount;
            if more <= 0 {
                continue;
            }
            let mut state = part.account.lock();
            let limit = Arc::clone(&state.limit);
            if let Some(newer) = state.slice(self.at).filter(|newer| newer.id != part.window) {
                // The limit has other windows since: the whole of it moves there, if it fits.
                let (id, of, ends_at) = (newer.id, newer.limit, newer.span.1);
                if newer.revision >= limit.revision && newer.usable() >= wanted && now <= newer.valid_until {
                    newer.held += wanted;
                    newer.touched = now;
                    if let Some(older) = state.by_id(part.window) {
                        older.held -= part.amount;
                    }
                    (part.window, part.amount) = (id, wanted);
                } else if binds(&limit) {
                    drop(state);
                    return Err(Lack { account: Arc::clone(&part.account), amount: wanted, limit, of, ends_at });
                }
                continue;
            }
            let Some(slice) = state.by_id(part.window) else { continue };
            if slice.revision >= limit.revision && slice.usable() >= more && now <= slice.valid_until {
                slice.held += more;
                slice.touched = now;
                part.amount += more;
            } else if binds(&limit) {
                let (of, ends_at) = (slice.limit, slice.span.1);
                drop(state);
                return Err(Lack { account: Arc::clone(&part.account), amount: more, limit, of, ends_at });
            }
        }
        Ok(())
    }
}

impl Ledger {
    /// Asks the database, and the other nodes, for what a request of the instant `at` lacks. Whether it was granted, another
    /// try to set it aside says.
    ///
    /// # Errors
    /// When nobody can say what is left.
    pub async fn fetch(self: &Arc<Self>, lack: &Lack, at: Timestamp) -> Result<(), String> {
        self.refill(&lack.account, lack.amount, at).await
    }

    /// Brings the terms of a limit that was edited to the window that holds `at`, if this node has it, so that requests
    /// under way meet them too.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn take_up(self: &Arc<Self>, limit: &Arc<Limit>, at: Timestamp) -> Result<(), String> {
        let Some(account) = self.accounts.get(&limit.id).map(|account| Arc::clone(&account)) else { return Ok(()) };
        let is_known = {
            let mut state = account.lock();
            state.learn(limit);
            state.slice(at).is_none_or(|slice| slice.revision >= limit.revision)
        };
        if is_known { Ok(()) } else { self.refill(&account, 0, at).await }
    }

    /// What the records of all nodes have consumed of windows, and what there may be in them.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn figures(&self, windows: &[WindowId]) -> Result<Vec<(WindowId, i64, i64)>, DbErr> {
        books::figures(self.database.reader(), windows).await
    }
}
