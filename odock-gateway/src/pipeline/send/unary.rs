//! A whole answer.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;

use super::attempting::Attempting;
use super::upstream::{UpstreamBody, UpstreamFailure};
use crate::pipeline::case::Stage;
use crate::pipeline::exchange::Exchange;
use crate::providers::call::Call;
use crate::providers::operation::{Answer, BoxError, Place};
use crate::providers::usage::Reported;

/// An upstream's whole answer, understood as far as its bill needs.
pub struct Unary {
    /// What rode along.
    pub exchange: Exchange,
    /// Its status.
    pub status: StatusCode,
    /// Those of its headers that pass.
    pub headers: HeaderMap,
    /// What the caller gets.
    pub body: Bytes,
    /// What the provider reported, if it did.
    pub reported: Option<Reported>,
    /// Bytes of text in the answer, from which its tokens are estimated where none are reported.
    pub content_bytes: usize,
}

/// Reads what an answer consumed. A body in an encoding that was not asked for passes unread; its tokens are estimated.
pub(super) fn understand(call: &Call, place: &Place<'_>, headers: &HeaderMap, body: Bytes) -> Result<Answer, BoxError> {
    if headers.contains_key(http::header::CONTENT_ENCODING) {
        let content_bytes = body.len();
        return Ok(Answer { body, reported: None, content_bytes });
    }
    call.operation.answer(call, place, body)
}

/// Collects a body of `most` bytes at the most. A single frame, the usual case, is not copied.
pub(super) async fn collect(
    mut body: UpstreamBody,
    most: usize,
    attempt: &Attempting,
) -> Result<Bytes, (UpstreamFailure, BoxError)> {
    let too_large = || (UpstreamFailure::Malformed, format!("the answer is larger than {most} bytes").into());
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| (UpstreamFailure::Reset, error.into()))?;
        let Ok(data) = frame.into_data() else { continue };
        if attempt.reached(Stage::FirstByte).is_none() {
            attempt.mark(Stage::FirstByte);
        }
        if first.len() + all.len() + data.len() > most {
            return Err(too_large());
        }
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    attempt.mark(Stage::LastByte);
    Ok(if all.is_empty() { first } else { all.freeze() })
}
