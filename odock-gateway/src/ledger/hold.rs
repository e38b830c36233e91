//! What a request has set aside.

use std::sync::Arc;
use std::time::Instant;

use entity::usage::UsageRecord;
use entity::vocab::Metric;
use entity::{Timestamp, UsageRecordId, WindowId};

use super::Ledger;
use super::account::Account;
use crate::usage::Figures;

/// One window's part of what a request has set aside.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) account: Arc<Account>,
    pub(super) window: WindowId,
    pub(super) metric: Metric,
    pub(super) amount: i64,
}

/// What a request has set aside of every budget and quota that applies to it. Dropped, it is given back; settled, the
/// request is charged what it consumed. Each happens once.
#[must_use = "what was set aside is given back when this is dropped"]
pub struct Hold {
    pub(super) ledger: Arc<Ledger>,
    /// The instant of the request, which says into which windows it falls.
    pub(super) at: Timestamp,
    pub(super) held: Vec<Held>,
}

/// What a request that has ended is charged, until its record is committed.
pub(super) struct Settled {
    pub(super) charges: Vec<Held>,
    /// Whether the database knows of it as under way.
    pub(super) noted: bool,
}

impl Hold {
    /// Whether anything was to be set aside at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Notes that the request is on its way to an upstream: from now on it is charged even if this node is lost.
    /// `interrupted` is the record that it then leaves.
    pub fn sent(&self, interrupted: &Arc<UsageRecord>) {
        if !self.held.is_empty() {
            self.ledger.under_way.insert(interrupted.id, super::UnderWay::new(interrupted));
        }
    }

    /// Charges the request what its record says, in place of what was set aside.
    pub fn settle(mut self, record: &UsageRecord) {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return;
        }
        let noted = self.ledger.under_way.remove(&record.id).is_some_and(|(_, it)| it.is_noted());
        let (now, figures) = (Instant::now(), Figures::of(record));
        let charges: Vec<Held> = held
            .into_iter()
            .map(|part| {
                let charged = figures.amount(part.metric);
                let mut state = part.account.lock();
                if let Some(slice) = state.by_id(part.window) {
                    slice.held -= part.amount;
                    slice.unsettled = slice.unsettled.saturating_add(charged);
                    slice.used = slice.used.saturating_add(charged);
                    slice.touched = now;
                    if charged < part.amount {
                        slice.forget_refusal();
                    }
                }
                drop(state);
                Held { amount: charged, ..part }
            })
            .collect();
        self.ledger.settled.insert(record.id, Settled { charges, noted });
    }

    /// Gives everything back.
    fn release(&mut self) {
        let now = Instant::now();
        for part in self.held.drain(..) {
            let mut state = part.account.lock();
            if let Some(slice) = state.by_id(part.window) {
                slice.held -= part.amount;
                slice.touched = now;
                slice.forget_refusal();
            }
        }
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").field("windows", &self.held.len()).finish_non_exhaustive()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}

impl Ledger {
    /// The identities under which nothing is known any more: the journal did not take the record, so it is never committed.
    pub fn forget(&self, record: UsageRecordId) {
        let Some((_, settled)) = self.settled.remove(&record) else { return };
        if settled.noted {
            self.stale_notes().push(record);
        }
        for charge in settled.charges {
            let mut state = charge.account.lock();
            if let Some(slice) = state.by_id(charge.window) {
                slice.unsettled -= charge.amount;
                slice.used -= charge.amount;
            }
        }
    }
}
