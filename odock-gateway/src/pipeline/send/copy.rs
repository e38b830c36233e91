//! A copy of a stream, for a caller who may ask for it again under its idempotency key.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::pipeline::case::Case;

/// What a caller has got so far, until that is more than is kept; then only its length.
pub(super) struct Copy {
    headers: HeaderMap,
    pieces: Vec<Bytes>,
    length: usize,
    most: usize,
    keeping: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Copy {
    /// A copy, if the request has a claim.
    pub(super) fn new(case: &Case, headers: &HeaderMap) -> Option<Self> {
        let most = case.claim().as_ref()?.max_bytes();
        Some(Self { headers: headers.clone(), pieces: Vec::new(), length: 0, most, keeping: None })
    }

    /// Adds what goes to the caller.
    pub(super) fn delivered(&mut self, bytes: &Bytes) {
        self.length += bytes.len();
        if self.length > self.most {
            self.pieces = Vec::new();
        } else {
            // Not a share of the buffer that it came in, which may be far larger.
            self.pieces.push(Bytes::copy_from_slice(bytes));
        }
    }

    /// Keeps the whole stream: what the caller has got, and `rest`, which it is about to get.
    pub(super) fn complete(&mut self, case: &Case, status: StatusCode, rest: &VecDeque<Bytes>) {
        let Some(claim) = case.claim().take() else { return };
        let mut whole = std::mem::take(&mut self.pieces);
        whole.extend(rest.iter().cloned());
        let too_large = self.length > self.most;
        let written = if too_large { claim.too_large() } else { claim.keep(status, &self.headers, &whole) };
        self.keeping = Some(Box::pin(written.wait()));
        // What still goes out is in the copy already.
        self.most = 0;
    }

    /// Ready once the whole stream is kept, if it is being kept.
    pub(super) fn poll_kept(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(keeping) = &mut self.keeping {
            ready!(keeping.as_mut().poll(cx));
            self.keeping = None;
        }
        Poll::Ready(())
    }
}
