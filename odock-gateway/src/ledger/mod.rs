//! Budgets and quotas: what requests set aside before they are sent, and what they are charged afterwards.
//!
//! A node holds capacity of each window that it serves on a lease, and admits requests against it in memory. What a request
//! consumed is committed with its usage record, in one transaction: the record is the ledger's entry. When a window nears
//! its limit the leases shrink to single requests, and a node that lacks capacity asks the others for theirs before it
//! refuses, so that any number of nodes admit exactly what one would.
//!
//! | file | is |
//! | --- | --- |
//! | [`limit`] | a budget or quota as requests meet it |
//! | [`demand`] | what a request may consume, and so claims |
//! | [`account`] | what this node knows and holds of one |
//! | [`hold`] | what one request has set aside |
//! | [`extend`] | more for a request that is under way |
//! | [`reserve`] | setting aside, all windows or none |
//! | [`refill`] | asking the database, and the other nodes, for capacity |
//! | [`keeper`] | saying that the node lives, giving back what is idle |
//! | [`worker`] | what lost nodes left behind; thresholds; retention |

mod account;
mod demand;
mod extend;
mod hold;
mod keeper;
mod limit;
mod refill;
mod reserve;
mod worker;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use dashmap::DashMap;
use entity::usage::UsageRecord;
use entity::{NodeId, UsageRecordId, WindowId};
use foldhash::fast::RandomState;
use uuid::Uuid;

use self::account::Account;
pub use self::demand::Demand;
pub use self::extend::{Lack, Part};
pub use self::hold::Hold;
use self::hold::Settled;
pub use self::limit::Limit;
pub use self::reserve::{Claim, Refused};
pub use self::worker::Worker;
use crate::config;
use crate::hot::HotStore;
use crate::store::Database;

/// Budgets and quotas, as this node keeps them.
pub struct Ledger {
    config: config::Ledger,
    /// This process. A process that is started again is another node.
    pub node: NodeId,
    database: Database,
    hot: Arc<dyn HotStore>,
    accounts: DashMap<Uuid, Arc<Account>, RandomState>,
    /// Which account a window belongs to, for other nodes' asks.
    windows: DashMap<WindowId, Weak<Account>, RandomState>,
    under_way: DashMap<UsageRecordId, UnderWay, RandomState>,
    settled: DashMap<UsageRecordId, Settled, RandomState>,
    /// Requests that the database knows as under way and that leave no record which would remove them there.
    stale_notes: Mutex<Vec<UsageRecordId>>,
}

/// A request on its way.
struct UnderWay {
    since: Instant,
    record: Arc<UsageRecord>,
    noted: AtomicBool,
}

impl UnderWay {
    fn new(record: &Arc<UsageRecord>) -> Self {
        Self { since: Instant::now(), record: Arc::clone(record), noted: AtomicBool::new(false) }
    }

    fn is_noted(&self) -> bool {
        self.noted.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("node", &self.node).finish_non_exhaustive()
    }
}

impl Ledger {
    /// A ledger over the given stores, which as yet holds nothing.
    pub fn new(config: config::Ledger, database: Database, hot: Arc<dyn HotStore>) -> Arc<Self> {
        Arc::new(Self {
            config,
            node: NodeId::new(),
            database,
            hot,
            accounts: DashMap::default(),
            windows: DashMap::default(),
            under_way: DashMap::default(),
            settled: DashMap::default(),
            stale_notes: Mutex::default(),
        })
    }

    /// What the leases of this node lose when these records are committed, and which of the requests the database knows as
    /// under way.
    pub fn due(
        &self,
        records: impl IntoIterator<Item = UsageRecordId>,
    ) -> (BTreeMap<WindowId, i64>, Vec<UsageRecordId>) {
        let (mut leases, mut noted) = (BTreeMap::new(), Vec::new());
        for record in records {
            let Some(settled) = self.settled.get(&record) else { continue };
            for charge in settled.charges.iter().filter(|it| !account::is_known_afterwards(it.metric)) {
                *leases.entry(charge.window).or_insert(0) += charge.amount;
            }
            if settled.noted {
                noted.push(record);
            }
        }
        (leases, noted)
    }

    /// Takes note that these records are committed, with what [`Ledger::due`] said of them.
    pub fn committed(&self, records: impl IntoIterator<Item = UsageRecordId>) {
        for record in records {
            let Some((_, settled)) = self.settled.remove(&record) else { continue };
            for charge in settled.charges {
                let mut state = charge.account.lock();
                if let Some(slice) = state.by_id(charge.window) {
                    slice.unsettled -= charge.amount;
                    if !account::is_known_afterwards(charge.metric) {
                        slice.slice -= charge.amount;
                    }
                }
            }
        }
    }

    /// Notes that a request that was sent has gone on to another upstream: `interrupted` is the record that it leaves if
    /// this node is lost.
    pub fn sent_on(&self, interrupted: &Arc<UsageRecord>) {
        if let Some(mut under_way) = self.under_way.get_mut(&interrupted.id) {
            under_way.record = Arc::clone(interrupted);
        }
    }

    /// Requests that have been sent and not been settled.
    pub fn requests_under_way(&self) -> usize {
        self.under_way.len()
    }

    fn account(&self, limit: &Arc<Limit>) -> Arc<Account> {
        if let Some(account) = self.accounts.get(&limit.id) {
            return Arc::clone(&account);
        }
        Arc::clone(&self.accounts.entry(limit.id).or_insert_with(|| Arc::new(Account::new(Arc::clone(limit)))))
    }
}
