//! Usage records: appended to a journal on local disk before an answer is finished, written to the database in batches.

pub mod estimate;
mod figures;
mod journal;
mod json;
mod line;
pub mod tokens;
mod writer;
mod written;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entity::usage::UsageRecord;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use self::figures::Figures;
use self::journal::{Entry, Unwritten};
pub use self::journal::{Journal, JournalError};
use self::writer::Writer;
pub use self::written::Written;
use crate::config;
use crate::ledger::Ledger;
use crate::store::Database;
use crate::telemetry::metrics::Metrics;

/// A place in the journal.
#[derive(Clone, Copy, Debug)]
pub struct Mark(journal::Position);

/// Takes usage records and sees to it that each reaches the database exactly once.
#[derive(Debug)]
pub struct Usage {
    journal: Arc<Journal>,
    ledger: Arc<Ledger>,
    wake: Arc<Notify>,
    stop: Arc<AtomicBool>,
    when_full: config::WhenFull,
    metrics: Metrics,
    writer: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Usage {
    /// Opens the journal in `dir`, takes up what an earlier process left there, and begins to write to the database.
    ///
    /// # Errors
    /// When the journal's directory or files cannot be used.
    pub fn start(
        config: &config::Usage,
        dir: &Path,
        database: Database,
        ledger: Arc<Ledger>,
        metrics: Metrics,
    ) -> Result<Self, JournalError> {
        let (journal, recovered) = Journal::open(dir, config.journal_max_bytes)?;
        let journal = Arc::new(journal);
        for interrupted in recovered {
            // Once appended as closed, the request is settled whatever happens next.
            journal.append(&Entry::Closed(&interrupted)).map_err(|unwritten| unwritten.error)?;
        }
        let (wake, stop) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let writer = Writer {
            journal: Arc::clone(&journal),
            database,
            ledger: Arc::clone(&ledger),
            wake: Arc::clone(&wake),
            stop: Arc::clone(&stop),
            interval: config.flush_interval,
            batch: config.batch,
            metrics: metrics.clone(),
        };
        let writer = std::sync::Mutex::new(Some(tokio::spawn(writer.run())));
        Ok(Self { journal, ledger, wake, stop, when_full: config.journal_when_full, metrics, writer })
    }

    /// Whether another request's record will find room.
    pub fn has_room(&self) -> bool {
        self.when_full == config::WhenFull::Drop || self.journal.has_room()
    }

    /// Whether records are dropped: the journal is full, and requests are served all the same.
    fn drops(&self) -> bool {
        self.when_full == config::WhenFull::Drop && !self.journal.has_room()
    }

    /// Notes that an answer is about to begin, so that it leaves a record even if this process dies before its end.
    /// `interrupted` is the record that it then leaves.
    pub fn opened(&self, interrupted: &UsageRecord) {
        if self.drops() {
            return;
        }
        if let Err(Unwritten { error, .. }) = self.journal.append(&Entry::Opened(interrupted)) {
            tracing::error!(%error, request.id = interrupted.request_id, "could not note in the usage journal that an answer began");
        }
    }

    /// Takes the record of a request that has ended. When this returns, the record survives the process.
    pub fn closed(&self, record: &UsageRecord) {
        // What the journal knows to be open is closed even so: it would be taken for interrupted at the next start.
        if self.drops() && !self.journal.is_open(record.id) {
            self.metrics.usage().append_failed(1);
            // It never reaches the database, so neither does what it was charged.
            self.ledger.forget(record.id);
            return;
        }
        if let Err(Unwritten { error, held }) = self.journal.append(&Entry::Closed(record)) {
            self.metrics.usage().append_failed(1);
            if held {
                tracing::error!(%error, request.id = record.request_id, "could not append a usage record to the journal; it waits in memory");
            } else {
                tracing::error!(%error, request.id = record.request_id, "could not append a usage record to the journal, nor keep it in memory: it is lost");
                self.ledger.forget(record.id);
            }
        }
        self.metrics.usage().appended(1);
        if self.journal.waiting() == 1 {
            self.wake.notify_one();
        }
    }

    /// Records that wait for the database, on disk or in memory, and the journal's size in bytes.
    pub fn backlog(&self) -> (u64, u64) {
        (self.journal.waiting() + self.journal.held(), self.journal.bytes())
    }

    /// Where the journal ends at present.
    pub fn mark(&self) -> Mark {
        Mark(self.journal.end())
    }

    /// Whether everything before `mark` is in the database.
    pub fn is_committed(&self, mark: Mark) -> bool {
        self.journal.written() >= mark.0
    }

    /// Writes everything that waits to the database, for `grace` at the most. What is left stays in the journal.
    pub async fn drain(&self, grace: Duration) {
        self.stop.store(true, Ordering::Release);
        self.wake.notify_one();
        let writer = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(mut writer) = writer
            && tokio::time::timeout(grace, &mut writer).await.is_err()
        {
            writer.abort();
            tracing::warn!(
                waiting = self.journal.waiting(),
                "stopped before all usage records reached the database; they wait in the journal"
            );
        }
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            writer.abort();
        }
    }
}
