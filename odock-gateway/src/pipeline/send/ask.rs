//! A question to an upstream that belongs to no request.

use std::collections::VecDeque;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;

use super::Upstreams;
use super::pieces::Pieces;
use super::upstream::{UpstreamFailure, classify};

impl Upstreams {
    /// Sends a request without a body over the connections that serve requests, and waits for the head of the answer.
    ///
    /// # Errors
    /// There was none.
    pub async fn ask(
        &self,
        request: Request<()>,
        connect_timeout: Duration,
    ) -> Result<Response<Incoming>, UpstreamFailure> {
        let request = request.map(|()| Pieces::new(VecDeque::new()));
        self.client(connect_timeout).request(request).await.map_err(|error| {
            // Where the address leads is the administrator's business, and in the log.
            tracing::debug!(%error, "An upstream that was asked gave no answer");
            classify(&error)
        })
    }
}
