//! A job in the words of the data plane.

use entity::row::job;
use entity::vocab::JobStatus;
use entity::{JobId, Timestamp};
use serde::Serialize;

/// A job as its caller sees it.
#[derive(Debug, Serialize)]
pub struct View<'a> {
    id: JobId,
    object: &'static str,
    status: JobStatus,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cancelling: bool,
    task: &'a str,
    model: &'a str,
    request_id: &'a str,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem<'a>>,
}

#[derive(Debug, Serialize)]
struct Problem<'a> {
    code: &'a str,
    message: &'a str,
}

impl<'a> View<'a> {
    /// What its caller sees of a job.
    #[must_use]
    pub fn of(row: &'a job::Model) -> Self {
        let error = row
            .error_code
            .as_deref()
            .map(|code| Problem { code, message: row.error_message.as_deref().unwrap_or_default() });
        Self {
            id: row.id,
            object: "job",
            status: row.status,
            cancelling: row.cancel_asked && row.status == JobStatus::Running,
            task: &row.task,
            model: &row.model,
            request_id: &row.request_id,
            created_at: row.created_at,
            finished_at: row.finished_at,
            expires_at: row.expires_at,
            error,
        }
    }
}
