//! A whole answer.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::upstream::{UpstreamBody, UpstreamFailure};
use crate::pipeline::case::{Case, Stage};
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::Plan;
use crate::providers::openai::usage::{Reported, normalise};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An upstream's whole answer, understood as far as its bill needs.
pub struct Unary {
    /// What rode along.
    pub exchange: Exchange,
    /// Its status.
    pub status: StatusCode,
    /// Those of its headers that pass.
    pub headers: HeaderMap,
    /// Its very bytes.
    pub body: Bytes,
    /// What the provider reported, if it did.
    pub reported: Option<Reported>,
    /// Bytes of text in the answer, from which its tokens are estimated where none are reported.
    pub content_bytes: usize,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    choices: Option<&'a RawValue>,
}

impl Unary {
    pub(super) fn new(
        exchange: Exchange,
        _: &Plan,
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Self, BoxError> {
        // A body in an encoding that was not asked for passes unread; its tokens are estimated.
        let encoded = headers.contains_key(http::header::CONTENT_ENCODING);
        let (reported, content_bytes) = if encoded { (None, body.len()) } else { read(&body)? };
        Ok(Self { exchange, status, headers, body, reported, content_bytes })
    }
}

fn read(body: &[u8]) -> Result<(Option<Reported>, usize), BoxError> {
    let answer: Answer<'_> = serde_json::from_slice(body)?;
    let reported = answer.usage.filter(|usage| usage.get() != "null").and_then(|usage| normalise(usage.get()));
    Ok((reported, answer.choices.map_or(0, |choices| choices.get().len())))
}

/// Collects a body of `most` bytes at the most. A single frame, the usual case, is not copied.
pub(super) async fn collect(
    mut body: UpstreamBody,
    most: usize,
    case: &Case,
) -> Result<Bytes, (UpstreamFailure, BoxError)> {
    let too_large = || (UpstreamFailure::Malformed, format!("the answer is larger than {most} bytes").into());
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| (UpstreamFailure::Reset, error.into()))?;
        let Ok(data) = frame.into_data() else { continue };
        if case.reached(Stage::FirstByte).is_none() {
            case.mark(Stage::FirstByte);
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
    case.mark(Stage::LastByte);
    Ok(if all.is_empty() { first } else { all.freeze() })
}
