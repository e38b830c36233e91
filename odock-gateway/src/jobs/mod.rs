//! Tasks that are done while their caller does something else: they are taken on, and their results fetched later.
//!
//! A job is a request like any other, but for its caller, who does not wait: it has passed every gate and set aside what it may
//! cost before it is taken on, and leaves its one usage record when it ends. It runs on the node that took it on. The row
//! in the database says what came of it to whichever node is asked; what was asked is not written down, so a job whose node
//! is lost fails and is not done again.

mod keeper;
mod ticket;
mod view;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use entity::row::job;
use entity::vocab::JobStatus;
use entity::{ApiKeyId, JobId, NodeId, OrganisationId, Timestamp};
use sea_orm::DbErr;
use tokio_util::sync::CancellationToken;

pub use self::ticket::{Stopped, Ticket};
pub use self::view::View;
use crate::config;
use crate::secrets::{ContentCipher, Sealing};
use crate::store::jobs::Room;
use crate::store::{self, Database};

/// Jobs that one list tells of.
const MOST_LISTED: u64 = 100;

/// The jobs of this node, and what is known of all others.
pub struct Jobs {
    /// How many there may be, and how long.
    pub config: config::Jobs,
    database: Database,
    node: NodeId,
    cipher: Option<ContentCipher>,
    /// The jobs that this node does, and how each is told to stop.
    under_way: DashMap<JobId, CancellationToken>,
    /// Ends when no job may go on: the gateway stops.
    closing: CancellationToken,
}

/// A job to take on.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The tenant.
    pub organisation: OrganisationId,
    /// Whose it is.
    pub key: ApiKeyId,
    /// The request that asks for it.
    pub request_id: String,
    /// The task, as the caller names it.
    pub task: &'static str,
    /// The model.
    pub model: String,
}

/// Why a job is not taken on.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// The key has as many jobs as it may.
    #[error("the API key has as many jobs as it may")]
    Full(Room),
    /// The database is not there.
    #[error("jobs cannot be written down: {0}")]
    Unavailable(#[from] DbErr),
}

/// What came of asking for a result.
#[derive(Debug)]
pub enum Outcome {
    /// Its upstream is at work.
    Running(job::Model),
    /// The answer, be it the upstream's refusal.
    Answer {
        /// Its status.
        status: u16,
        /// Its content type.
        content_type: String,
        /// Its body.
        body: Bytes,
    },
    /// There is none.
    None(job::Model),
}

impl Jobs {
    /// The jobs of a process that has none yet.
    #[must_use]
    pub fn new(config: config::Jobs, database: Database, node: NodeId, sealing: &Sealing) -> Arc<Self> {
        let (under_way, closing) = (DashMap::new(), CancellationToken::new());
        Arc::new(Self { config, database, node, cipher: ContentCipher::new(sealing), under_way, closing })
    }

    /// Writes down a job, which this node is then to do.
    ///
    /// # Errors
    /// The key has no room for it, or the database is not there.
    pub async fn take_on(self: &Arc<Self>, new: NewJob, now: Timestamp) -> Result<(Ticket, job::Model), NotTaken> {
        let row = job::Model {
            id: JobId::new(),
            organisation_id: new.organisation,
            api_key_id: new.key,
            node_id: self.node,
            request_id: new.request_id,
            task: new.task.to_owned(),
            model: new.model,
            status: JobStatus::Running,
            cancel_asked: false,
            lease_ends_at: now,
            finished_at: None,
            expires_at: after(now, self.config.retention),
            http_status: None,
            content_type: None,
            error_code: None,
            error_message: None,
            created_at: now,
            updated_at: now,
        };
        let config = &self.config;
        // Before it is written down: from then on its lease is kept alive.
        let ticket = Ticket::new(self, row.id);
        let room = store::jobs::begin(&self.database, row.clone(), config.lease, config.max_running, config.max_kept);
        match room.await? {
            Room::Taken => Ok((ticket, row)),
            full => Err(NotTaken::Full(full)),
        }
    }

    /// A job of a key.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn find(&self, key: ApiKeyId, id: JobId) -> Result<Option<job::Model>, DbErr> {
        store::jobs::find(self.database.reader(), key, id).await
    }

    /// The jobs of a key, the latest first: a hundred at the most.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn list(&self, key: ApiKeyId) -> Result<Vec<job::Model>, DbErr> {
        store::jobs::list(self.database.reader(), key, MOST_LISTED).await
    }

    /// What came of a job of a key; `None` if the key has no such job.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn result(&self, key: ApiKeyId, id: JobId) -> Result<Option<Outcome>, DbErr> {
        let Some(job) = self.find(key, id).await? else { return Ok(None) };
        if job.status == JobStatus::Running {
            return Ok(Some(Outcome::Running(job)));
        }
        let (Some(status), Some(kind)) = (job.http_status, job.content_type.clone()) else {
            return Ok(Some(Outcome::None(job)));
        };
        let sealed = store::jobs::result(self.database.reader(), id).await?;
        let body = sealed.zip(self.cipher.as_ref()).and_then(|(sealed, cipher)| cipher.open(&bound_to(id), &sealed));
        let status = u16::try_from(status).ok();
        Ok(Some(match (body, status) {
            (Some(body), Some(status)) => Outcome::Answer { status, content_type: kind, body: body.into() },
            _ => {
                tracing::warn!(job = %id, "a job's result cannot be opened: do all nodes have the same sealing key?");
                Outcome::None(job)
            }
        }))
    }

    /// Has a job of a key stopped, wherever it runs. What it was afterwards; `None` if the key has no such job.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn cancel(&self, key: ApiKeyId, id: JobId) -> Result<Option<job::Model>, DbErr> {
        let Some(job) = self.find(key, id).await? else { return Ok(None) };
        if job.status != JobStatus::Running {
            return Ok(Some(job));
        }
        store::jobs::ask_to_cancel(self.database.writer(), id).await?;
        if let Some(mine) = self.under_way.get(&id) {
            mine.cancel();
        }
        Ok(Some(job::Model { cancel_asked: true, ..job }))
    }

    /// Forgets a job that has ended.
    ///
    /// # Errors
    /// When the database is not there.
    pub async fn delete(&self, id: JobId) -> Result<(), DbErr> {
        store::jobs::delete(self.database.writer(), id).await
    }

    /// How many jobs this node does.
    #[must_use]
    pub fn running(&self) -> usize {
        self.under_way.len()
    }

    /// Waits until the jobs of this node have ended, for `grace` at the most; those that are left then are stopped.
    pub async fn drain(&self, grace: Duration) {
        let ended = async {
            while !self.under_way.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!(jobs = self.under_way.len(), "jobs were still running after the shutdown grace; they fail");
        }
        self.closing.cancel();
        let gone = async {
            while !self.under_way.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Each writes down what came of it; where the database is away, its lease ends by itself.
        let _ = tokio::time::timeout(Duration::from_secs(2), gone).await;
    }
}

/// What an encrypted result belongs to.
fn bound_to(id: JobId) -> String {
    format!("job:{id}")
}

fn after(at: Timestamp, span: Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}
