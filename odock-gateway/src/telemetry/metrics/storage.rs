//! Caches, stores and the usage journal.

use std::time::{Duration, Instant};

use entity::vocab::LimitKind;
use metrics::{Counter, Gauge, Histogram, Recorder};

use super::family::Family;

/// Which layer answered a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// This process's memory.
    Memory,
    /// The hot store.
    HotStore,
    /// Memory of there being no such thing.
    Negative,
    /// None: it had to be loaded.
    Miss,
}

const LOOKUPS: [&str; 4] = ["memory", "hot_store", "negative", "miss"];

/// The handles of one cache.
pub struct CacheMetrics {
    lookups: [Counter; 4],
}

impl CacheMetrics {
    pub(super) fn new(recorder: &dyn Recorder, cache: &'static str) -> Self {
        let counter = |result| Family::CacheLookups.counter(recorder, &[("cache", cache), ("result", result)]);
        Self { lookups: LOOKUPS.map(counter) }
    }

    /// Counts a lookup.
    pub fn looked_up(&self, result: Lookup) {
        self.lookups[result as usize].increment(1);
    }
}

/// The handles of one operation of a store.
pub struct OperationMetrics {
    duration: Histogram,
    errors: Counter,
}

impl OperationMetrics {
    pub(super) fn new(recorder: &dyn Recorder, duration: Family, errors: Family, operation: &'static str) -> Self {
        let tags = [("operation", operation)];
        Self { duration: duration.histogram(recorder, &tags), errors: errors.counter(recorder, &tags) }
    }

    /// Measures an operation, and counts it if it fails.
    ///
    /// # Errors
    /// The operation's own.
    pub async fn measure<T, E>(&self, operation: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let since = Instant::now();
        let result = operation.await;
        self.duration.record(since.elapsed().as_secs_f64());
        if result.is_err() {
            self.errors.increment(1);
        }
        result
    }
}

/// The handles of budgets and quotas.
pub struct LedgerMetrics {
    decisions: [[Counter; 3]; 2],
    thresholds: [Counter; 2],
    webhook: [Counter; 2],
    under_way: Gauge,
}

/// What became of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// It was made.
    Made,
    /// It was refused: a window has not enough left.
    Refused,
    /// Nobody could say.
    Unknown,
}

const KINDS: [&str; 2] = ["budget", "quota"];

impl LedgerMetrics {
    pub(super) fn new(recorder: &dyn Recorder) -> Self {
        let decision =
            |kind, decision| Family::BudgetDecisions.counter(recorder, &[("kind", kind), ("decision", decision)]);
        Self {
            decisions: KINDS.map(|kind| ["reserved", "refused", "unknown"].map(|word| decision(kind, word))),
            thresholds: KINDS.map(|kind| Family::BudgetThresholds.counter(recorder, &[("kind", kind)])),
            webhook: ["taken", "failed"].map(|result| Family::WebhookPosts.counter(recorder, &[("result", result)])),
            under_way: Family::BudgetRequests.gauge(recorder, &[]),
        }
    }

    /// Counts what became of a reservation.
    pub fn decided(&self, kind: LimitKind, reservation: Reservation) {
        self.decisions[kind as usize][reservation as usize].increment(1);
    }

    /// Counts a threshold that a window has reached.
    pub fn threshold(&self, kind: LimitKind) {
        self.thresholds[kind as usize].increment(1);
    }

    /// Counts a post of the webhook.
    pub fn posted(&self, taken: bool) {
        self.webhook[usize::from(!taken)].increment(1);
    }

    /// Says how many requests hold something.
    #[allow(clippy::cast_precision_loss, reason = "the format's numbers are floats")]
    pub fn under_way(&self, requests: usize) {
        self.under_way.set(requests as f64);
    }
}

/// The handles of the usage journal.
pub struct UsageMetrics {
    appended: Counter,
    append_errors: Counter,
    flushed: Counter,
    flush_errors: Counter,
    flush_duration: Histogram,
    queue_depth: Gauge,
    journal_bytes: Gauge,
}

impl UsageMetrics {
    pub(super) fn new(recorder: &dyn Recorder) -> Self {
        Self {
            appended: Family::UsageAppended.counter(recorder, &[]),
            append_errors: Family::UsageAppendErrors.counter(recorder, &[]),
            flushed: Family::UsageFlushed.counter(recorder, &[]),
            flush_errors: Family::UsageFlushErrors.counter(recorder, &[]),
            flush_duration: Family::UsageFlushDuration.histogram(recorder, &[]),
            queue_depth: Family::UsageQueueDepth.gauge(recorder, &[]),
            journal_bytes: Family::UsageJournalBytes.gauge(recorder, &[]),
        }
    }

    /// Counts records written to the journal.
    pub fn appended(&self, records: u64) {
        self.appended.increment(records);
    }

    /// Counts records that the journal refused.
    pub fn append_failed(&self, records: u64) {
        self.append_errors.increment(records);
    }

    /// Records a batch that reached the database.
    pub fn flushed(&self, records: u64, took: Duration) {
        self.flushed.increment(records);
        self.flush_duration.record(took.as_secs_f64());
    }

    /// Counts a batch that the database refused.
    pub fn flush_failed(&self) {
        self.flush_errors.increment(1);
    }

    /// Says how many records wait for the database, and how large the journal is.
    #[expect(clippy::cast_precision_loss, reason = "a gauge need not be exact beyond 2^53")]
    pub fn waiting(&self, records: u64, journal_bytes: u64) {
        self.queue_depth.set(records as f64);
        self.journal_bytes.set(journal_bytes as f64);
    }
}
