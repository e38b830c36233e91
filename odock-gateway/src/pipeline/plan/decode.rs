//! Reads the body and finds out what is asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body::Body as _;
use http_body_util::BodyExt;

use crate::auth::Principal;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::pipeline::admit::Cleared;
use crate::pipeline::admit::early_gate::too_large;
use crate::pipeline::case::Stage;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::limits::refused;
use crate::pipeline::swallow::swallow;
use crate::providers::call::{Asked, Call};
use crate::providers::operation::Operation;
use crate::usage::estimate;

/// A request whose body is understood.
pub struct Decoded {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) principal: Arc<Principal>,
    pub(in crate::pipeline) call: Call,
    _sealed: (),
}

/// Reads and understands the body.
///
/// # Errors
/// `invalid_request_body` or `payload_too_large`.
pub async fn decode(gw: &Gateway, from: Cleared, operation: &'static dyn Operation) -> Result<Decoded, GatewayError> {
    let Cleared { mut exchange, principal, unannounced, .. } = from;
    // The only stage that learns it.
    let _ = exchange.case.operation.set(operation);
    let headers = &exchange.head.headers;
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(invalid("compressed request bodies are not accepted: send the body without Content-Encoding"));
    }
    if !operation.takes_any_type() && headers.get(CONTENT_TYPE).is_some_and(|given| !is_json(given.as_bytes())) {
        return Err(invalid("the body must be JSON: send \"Content-Type: application/json\""));
    }
    let cap = if unannounced { gw.limits.body_cap(&principal) } else { None };
    let most = gw.config.http.max_body_bytes;
    let cut = cap.and_then(|cap| usize::try_from(cap.most).ok()).map_or(most, |cap| cap.min(most));
    let mut coming = std::mem::take(&mut exchange.body);
    let body = match read(&mut coming, cut, gw.config.http.read_timeout).await {
        Err(TooLarge::Is) if cut < most => {
            swallow(&exchange.head.headers, coming).await;
            let refusal = gw.limits.body(&principal, cut as u64 + 1, &exchange.case.limits);
            return Err(refusal.map_or_else(|refusal| refused(&exchange.case, refusal), |()| too_large(cut)));
        }
        Err(TooLarge::Is) => return Err(too_large(most)),
        Err(TooLarge::Not(error)) => return Err(error),
        Ok(body) => body,
    };
    if unannounced {
        let fits = gw.limits.body(&principal, body.len() as u64, &exchange.case.limits);
        fits.map_err(|refusal| refused(&exchange.case, refusal))?;
    }
    let (case, head) = (&exchange.case, &exchange.head);
    let asked = Asked { model: exchange.model_in_path.as_deref(), query: head.uri.query(), headers: &head.headers };
    let mut call = operation.decode(&asked, body).map_err(|error| invalid(error.to_string()))?;
    call.resolve(|name| principal.models.contains_key(name));
    case.stream.store(call.stream, Ordering::Relaxed);
    case.estimated_prompt
        .store(u32::try_from(estimate::tokens(call.prompt_bytes)).unwrap_or(u32::MAX), Ordering::Relaxed);
    // The only stage that learns it.
    let _ = case.model.set(clean(&call.model));
    case.mark(Stage::Decode);
    Ok(Decoded { exchange, principal, call, _sealed: () })
}

/// Why a body was not read to its end.
enum TooLarge {
    /// It is larger than it may be.
    Is,
    /// Something else is wrong.
    Not(GatewayError),
}

impl From<GatewayError> for TooLarge {
    fn from(error: GatewayError) -> Self {
        Self::Not(error)
    }
}

/// Collects the body, unless it is larger than `most`. A single frame, the usual case, is not copied.
async fn read(body: &mut Body, most: usize, patience: Duration) -> Result<Bytes, TooLarge> {
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    // For the whole body: a byte now and then would otherwise hold its place for ever.
    let end = tokio::time::Instant::now() + patience;
    loop {
        let frame = tokio::time::timeout_at(end, body.frame()).await;
        let frame =
            frame.map_err(|_| invalid(format!("the body was not complete after {} s", patience.as_secs_f32())))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| invalid("the body broke off").caused_by(error))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > most {
            return Err(TooLarge::Is);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                // The announced length was checked; what is not announced grows as it comes.
                let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0).min(most);
                all.reserve(first.len() + data.len() + announced);
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> GatewayError {
    GatewayError::new(ErrorCode::InvalidRequestBody, message)
}

/// `application/json`, anything that ends in `+json`, or nothing in particular.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let is = |name: &[u8]| essence.eq_ignore_ascii_case(name);
    essence.is_empty()
        || is(b"application/json")
        || is(b"text/json")
        || essence.to_ascii_lowercase().ends_with(b"+json")
}

/// The caller's words for the record: short, and without the one character that Postgres cannot store.
fn clean(model: &str) -> String {
    model.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(256).collect()
}
