//! An answer that comes in pieces.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;

use super::ClientError;
use super::reply::{request_id, root_cause};

/// An answer that comes in pieces.
#[derive(Debug)]
pub struct Streaming {
    url: String,
    /// The handle of the request in the gateway's logs.
    pub request_id: Option<String>,
    response: Response,
}

impl Streaming {
    pub(super) fn new(url: String, response: Response) -> Self {
        Self { url, request_id: request_id(&response), response }
    }

    /// Whether the answer is a stream of events, as opposed to one document.
    #[must_use]
    pub fn is_events(&self) -> bool {
        content_type(&self.response).is_some_and(|kind| kind.starts_with("text/event-stream"))
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// Nothing came for `idle`, or the connection broke.
    pub async fn chunk(&mut self, idle: Duration) -> Result<Option<Bytes>, ClientError> {
        match tokio::time::timeout(idle, self.response.chunk()).await {
            Err(_) => Err(ClientError::Timeout { url: self.url.clone(), after: idle }),
            Ok(Err(error)) => {
                Err(ClientError::Unreachable { url: self.url.clone(), reason: root_cause(&error), sent: true })
            }
            Ok(Ok(chunk)) => Ok(chunk),
        }
    }
}

fn content_type(response: &Response) -> Option<&str> {
    response.headers().get("content-type")?.to_str().ok()
}
