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
use crate::pipeline::swallow::{swallow, swallow_afterwards};
use crate::providers::call::{Asked, Call, DecodeError};
use crate::providers::form::FormReader;
use crate::providers::operation::{Operation, Takes};
use crate::spool::Spool;
use crate::usage::estimate;

/// Bytes a second below which an upload takes too long, once the time for any body is over.
const SLOWEST_UPLOAD: f64 = 128.0 * 1024.0;

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
    if exchange.head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(invalid("compressed request bodies are not accepted: send the body without Content-Encoding"));
    }
    let cap = if unannounced { gw.limits.body_cap(&principal) } else { None };
    let most = exchange.max_body;
    let cut = cap.and_then(|cap| usize::try_from(cap.most).ok()).map_or(most, |cap| cap.min(most));
    let coming = std::mem::take(&mut exchange.body);
    let mut coming = Coming::new(coming, cut, gw.config.http.read_timeout);
    let head = &exchange.head;
    let asked = Asked { model: exchange.model_in_path.as_deref(), query: head.uri.query(), headers: &head.headers };
    let read = match operation.takes() {
        Takes::Json => json(asked, operation, &mut coming).await,
        Takes::Any => whole(asked, operation, &mut coming).await,
        // Boxed: nearly all calls are in JSON, and do not carry the future of a form.
        Takes::Form => Box::pin(form(gw, asked, operation, &mut coming)).await,
    };
    let mut call = match read {
        Err(Unread::TooLarge) if cut < most => {
            swallow(&exchange.head.headers, coming.body).await;
            let refusal = gw.limits.body(&principal, cut as u64 + 1, &exchange.case.limits);
            return Err(refusal.map_or_else(|refusal| refused(&exchange.case, refusal), |()| too_large(cut)));
        }
        Err(Unread::TooLarge) => {
            swallow_afterwards(&exchange.head.headers, coming.body);
            return Err(too_large(most));
        }
        Err(Unread::Invalid(error)) => return Err(error),
        Ok(call) => call,
    };
    if unannounced {
        let fits = gw.limits.body(&principal, call.body_bytes(), &exchange.case.limits);
        fits.map_err(|refusal| refused(&exchange.case, refusal))?;
    }
    call.resolve(|name| principal.models.contains_key(name));
    let case = &exchange.case;
    case.stream.store(call.stream, Ordering::Relaxed);
    case.estimated_prompt
        .store(u32::try_from(estimate::tokens(call.prompt_bytes)).unwrap_or(u32::MAX), Ordering::Relaxed);
    // The only stage that learns it.
    let _ = case.model.set(clean(&call.model));
    case.mark(Stage::Decode);
    Ok(Decoded { exchange, principal, call, _sealed: () })
}

/// Reads a call in JSON.
async fn json(asked: Asked<'_>, operation: &'static dyn Operation, coming: &mut Coming) -> Result<Call, Unread> {
    if asked.headers.get(CONTENT_TYPE).is_some_and(|given| !is_json(given.as_bytes())) {
        return Err(invalid("the body must be JSON: send \"Content-Type: application/json\"").into());
    }
    whole(asked, operation, coming).await
}

/// Reads a call whose operation knows what its body is.
async fn whole(asked: Asked<'_>, operation: &'static dyn Operation, coming: &mut Coming) -> Result<Call, Unread> {
    let body = coming.collect().await?;
    Ok(operation.decode(&asked, body).map_err(misunderstood)?)
}

/// Reads a call in a form, of which little is held in memory.
async fn form(
    gw: &Gateway,
    asked: Asked<'_>,
    operation: &'static dyn Operation,
    coming: &mut Coming,
) -> Result<Call, Unread> {
    let content_type = asked.headers.get(CONTENT_TYPE).map_or(&b""[..], |given| given.as_bytes());
    let mut reader = FormReader::new(content_type).map_err(misunderstood)?;
    let mut spool = Spool::new(&gw.config.data.dir);
    while let Some(data) = coming.next().await? {
        reader.feed(&data).map_err(misunderstood)?;
        spool.write(&data).await.map_err(unspooled)?;
        coming.earn(data.len());
    }
    let form = reader.finish(spool.finish().await.map_err(unspooled)?).map_err(misunderstood)?;
    Ok(operation.decode_form(&asked, form).map_err(misunderstood)?)
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn misunderstood(error: DecodeError) -> GatewayError {
    invalid(error.to_string())
}

/// The disk is full, or gone: nothing that the caller did.
fn unspooled(error: std::io::Error) -> GatewayError {
    GatewayError::new(ErrorCode::Overloaded, "uploads cannot be taken at present").retry_after(1).caused_by(error)
}

/// Why a body was not read.
enum Unread {
    /// It is larger than it may be.
    TooLarge,
    /// Something else is wrong.
    Invalid(GatewayError),
}

impl From<GatewayError> for Unread {
    fn from(error: GatewayError) -> Self {
        Self::Invalid(error)
    }
}

/// A body on its way in.
struct Coming {
    body: Body,
    /// Bytes that may still come.
    left: usize,
    patience: Duration,
    /// For the whole body: a byte now and then would otherwise hold its place for ever.
    end: tokio::time::Instant,
}

impl Coming {
    /// A body of `most` bytes at the most, which may take `patience`.
    fn new(body: Body, most: usize, patience: Duration) -> Self {
        Self { body, left: most, patience, end: tokio::time::Instant::now() + patience }
    }

    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        loop {
            let frame = tokio::time::timeout_at(self.end, self.body.frame()).await;
            let late = |_| invalid(format!("the body was not complete after {} s", self.patience.as_secs_f32()));
            let Some(frame) = frame.map_err(late)? else { return Ok(None) };
            let frame = frame.map_err(|error| invalid("the body broke off").caused_by(error))?;
            let Ok(data) = frame.into_data() else { continue };
            self.left = self.left.checked_sub(data.len()).ok_or(Unread::TooLarge)?;
            return Ok(Some(data));
        }
    }

    /// Allows more time for so many bytes more: an upload may be large, but not slower than this.
    fn earn(&mut self, bytes: usize) {
        self.end += Duration::from_secs(1).mul_f64(bytes as f64 / SLOWEST_UPLOAD);
    }

    /// All of it. A single frame, the usual case, is not copied.
    async fn collect(&mut self) -> Result<Bytes, Unread> {
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.next().await? else { return Ok(first) };
        // The announced length was checked; what is not announced grows as it comes.
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(0).min(self.left);
        let mut all = BytesMut::with_capacity(first.len() + second.len() + announced);
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        drop((first, second));
        while let Some(data) = self.next().await? {
            all.extend_from_slice(&data);
        }
        Ok(all.freeze())
    }
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
    const MOST: usize = 256;
    if model.len() <= MOST && !model.contains(char::is_control) {
        return model.to_owned();
    }
    model.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(MOST).collect()
}
