//! The one writer: from the journal to the database, in batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{DbErr, RuntimeErr};
use tokio::sync::Notify;

use super::journal::{Journal, Position};
use super::written::Written;
use crate::ledger::Ledger;
use crate::store::{Database, usage_records};
use crate::telemetry::metrics::Metrics;

/// How long one batch may take before the database counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The first pause after a failure; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// How often the journal is forced to the disk.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    pub(super) journal: Arc<Journal>,
    pub(super) database: Database,
    pub(super) ledger: Arc<Ledger>,
    pub(super) wake: Arc<Notify>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) interval: Duration,
    pub(super) batch: usize,
    pub(super) metrics: Metrics,
}

impl Writer {
    /// Writes until told to stop and nothing is left.
    pub(super) async fn run(self) {
        let mut position = Position::default();
        let (mut pause, mut synced) = (FIRST_PAUSE, Instant::now());
        loop {
            self.journal.retry();
            if synced.elapsed() >= SYNC_INTERVAL {
                self.sync().await;
                synced = Instant::now();
            }
            match self.step(position).await {
                Ok((next, written)) => {
                    position = next;
                    pause = FIRST_PAUSE;
                    if written >= self.batch {
                        continue;
                    }
                    if self.stop.load(Ordering::Acquire) {
                        if written == 0 {
                            self.sync().await;
                            self.journal.retire(position);
                            return;
                        }
                        continue;
                    }
                    if written == 0 {
                        // Nothing to do: sleep until a record comes, then give others the chance to join its batch.
                        let _ = tokio::time::timeout(SYNC_INTERVAL, self.wake.notified()).await;
                    }
                    if !self.stop.load(Ordering::Acquire) {
                        tokio::time::sleep(self.interval).await;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, waiting = self.journal.waiting(), "could not write usage records to the database; they wait in the journal");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
            }
        }
    }

    async fn step(&self, position: Position) -> Result<(Position, usize), Failure> {
        let (records, next) = self.read(position).await?;
        if !records.is_empty() {
            let since = Instant::now();
            self.write(&records).await.inspect_err(|_| self.metrics.usage().flush_failed())?;
            self.metrics.usage().flushed(records.len() as u64, since.elapsed());
        }
        if next != position {
            self.journal.committed(next, records.len() as u64);
        }
        Ok((next, records.len()))
    }

    async fn read(&self, position: Position) -> Result<(Vec<Arc<Written>>, Position), Failure> {
        let (journal, batch) = (Arc::clone(&self.journal), self.batch);
        if let Some(recent) = journal.recent(position, batch) {
            return Ok(recent);
        }
        let read = tokio::task::spawn_blocking(move || journal.read(position, batch)).await;
        read.map_err(|error| Failure(error.to_string()))?.map_err(|error| Failure(error.to_string()))
    }

    async fn write(&self, records: &[Arc<Written>]) -> Result<(), Failure> {
        match self.insert(records).await {
            Ok(()) => Ok(()),
            // One bad record must not hold up the others: find it.
            Err(error) if is_about_the_data(&error) => {
                for record in records {
                    self.write_one(record).await?;
                }
                Ok(())
            }
            Err(error) => Err(Failure(error.to_string())),
        }
    }

    async fn write_one(&self, record: &Arc<Written>) -> Result<(), Failure> {
        let mut error = match self.insert(std::slice::from_ref(record)).await {
            Ok(()) => return Ok(()),
            Err(error) if is_about_the_data(&error) => error,
            Err(error) => return Err(Failure(error.to_string())),
        };
        if matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
            && let Ok(mut renamed) = record.read_back()
        {
            // Another request had the same id long ago: this one keeps it on record and gets one of its own.
            renamed.metadata.inbound_request_id =
                Some(std::mem::replace(&mut renamed.request_id, record.id.to_string()));
            let renamed = Written::new(&renamed).map_err(|error| Failure(error.to_string()))?;
            match self.insert(&[Arc::new(renamed)]).await {
                Ok(()) => return Ok(()),
                Err(second) if is_about_the_data(&second) => error = second,
                Err(second) => return Err(Failure(second.to_string())),
            }
        }
        let path = self.journal.reject(record, &error.to_string()).map_err(|error| Failure(error.to_string()))?;
        self.ledger.forget(record.id);
        tracing::error!(%error, request.id = record.request_id(), file = %path.display(), "the database refuses a usage record: it was set aside");
        Ok(())
    }

    async fn insert(&self, records: &[Arc<Written>]) -> Result<(), DbErr> {
        let committing = usage_records::commit(&self.database, &self.ledger, records);
        match tokio::time::timeout(WRITE_TIMEOUT, committing).await {
            Ok(Ok(())) => {
                self.ledger.committed(records.iter().map(|record| record.id));
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(DbErr::Custom("the database took too long".into())),
        }
    }

    async fn sync(&self) {
        let journal = Arc::clone(&self.journal);
        match tokio::task::spawn_blocking(move || journal.sync()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "could not force the usage journal to the disk"),
            Err(error) => tracing::error!(%error, "the usage journal's sync failed"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failure(String);

/// Whether the database answered, and refused what it was given: SQLSTATE classes 21, 22 and 23 on Postgres, constraint
/// and type errors on SQLite. Anything else, a lost connection above all, is worth another try.
fn is_about_the_data(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(source)) | DbErr::Query(RuntimeErr::SqlxError(source))) = error else {
        return false;
    };
    let Some(source) = source.as_database_error() else { return false };
    let Some(code) = source.code() else { return false };
    // SQLite's primary result codes: 18 too big, 19 constraint, 20 mismatch, 25 range.
    let sqlite = code.parse::<u32>().is_ok_and(|code| code < 10_000 && matches!(code & 0xff, 18 | 19 | 20 | 25));
    sqlite || matches!(code.get(..2), Some("21" | "22" | "23") if code.len() == 5)
}
