//! A node's own end of a job that it does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entity::vocab::JobStatus;
use entity::{JobId, Timestamp};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Jobs, bound_to};
use crate::store;
use crate::store::jobs::End;

/// Pauses before each try to write down what came of a job.
const PAUSES: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
];

/// Why a job must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Its caller no longer wants it.
    Cancelled,
    /// The gateway stops.
    Closing,
}

/// A job that this node does. While it is held, the job's lease is kept alive; dropped, the lease ends by itself.
#[must_use = "the job is lost when this is dropped"]
pub struct Ticket {
    jobs: Arc<Jobs>,
    /// The job.
    pub id: JobId,
    unwanted: CancellationToken,
}

impl Ticket {
    pub(super) fn new(jobs: &Arc<Jobs>, id: JobId) -> Self {
        let unwanted = CancellationToken::new();
        jobs.under_way.insert(id, unwanted.clone());
        Self { jobs: Arc::clone(jobs), id, unwanted }
    }

    /// Waits until the job must stop.
    pub async fn stopped(&self) -> Stopped {
        tokio::select! {
            () = self.unwanted.cancelled() => Stopped::Cancelled,
            () = self.jobs.closing.cancelled() => Stopped::Closing,
        }
    }

    /// Writes down the answer to the job.
    pub async fn answered(self, status: u16, content_type: String, body: Bytes, at: Timestamp) {
        let most = self.jobs.config.max_result_bytes;
        let succeeded = (200..300).contains(&status);
        if body.len() > most {
            let message = format!("the result has {} bytes, and the gateway keeps {most} at the most", body.len());
            return self.failed("result_too_large", message, at).await;
        }
        let sealed = self.jobs.cipher.as_ref().and_then(|cipher| cipher.seal(&bound_to(self.id), body.to_vec()));
        let Some(sealed) = sealed else {
            return self.failed("internal_error", "the result could not be encrypted".into(), at).await;
        };
        let error = (!succeeded).then(|| why(&body));
        let status_word = if succeeded { JobStatus::Succeeded } else { JobStatus::Failed };
        self.end(End { status: status_word, answer: Some((status, content_type, sealed)), error }, at).await;
    }

    /// Writes down that the job came to nothing.
    pub async fn failed(self, code: &str, message: String, at: Timestamp) {
        let error = Some((code.to_owned(), message));
        self.end(End { status: JobStatus::Failed, answer: None, error }, at).await;
    }

    /// Writes down that the job was stopped because its caller no longer wanted it.
    pub async fn cancelled(self, at: Timestamp) {
        self.end(End { status: JobStatus::Cancelled, answer: None, error: None }, at).await;
    }

    async fn end(self, end: End, at: Timestamp) {
        for pause in PAUSES {
            tokio::select! {
                () = sleep(pause) => {}
                // At the end there is no time left to wait for a database.
                () = self.jobs.closing.cancelled(), if !pause.is_zero() => return,
            }
            match store::jobs::end(&self.jobs.database, self.id, self.jobs.node, &end, at).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(job = %self.id, %error, "could not write down what came of a job"),
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.jobs.under_way.remove(&self.id);
    }
}

/// Why a refusal says that it is one: the code and message of its error, whoever's words they are in.
fn why(body: &[u8]) -> (String, String) {
    let short = |text: &str| text.replace('\0', "\u{fffd}").chars().take(500).collect::<String>();
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let error = &value["error"];
    let message = error["message"].as_str().or(error.as_str()).unwrap_or("the provider refused it");
    (short(error["code"].as_str().unwrap_or("upstream_error")), short(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_why_in_whichever_words() {
        let words = |code: &str, message: &str| (code.to_owned(), message.to_owned());
        let ours = br#"{"error":{"code":"upstream_timeout","message":"too late"}}"#;
        assert_eq!(why(ours), words("upstream_timeout", "too late"));
        assert_eq!(why(br#"{"error":"Model is loading"}"#), words("upstream_error", "Model is loading"));
        assert_eq!(why(b"<html>"), words("upstream_error", "the provider refused it"));
    }
}
