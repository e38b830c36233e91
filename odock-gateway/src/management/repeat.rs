//! A write that carries an `Idempotency-Key` is carried out once: whoever sends it again gets the first one's answer.
//!
//! Keys belong to their caller. Only answers of success are kept: a refusal has changed nothing, so that the same request may
//! be tried again. An answer may hold a secret; where it leaves this process, it is encrypted.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use entity::ApiKeyId;
use http::{HeaderName, HeaderValue, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::access::caller::Caller;
use super::body::APPLY_LIMIT;
use super::problem::{ApiError, Code};
use crate::config;
use crate::gateway::Gateway;
use crate::idempotency::{Answer, Claim, Claimed, Idempotency, fingerprint, presented};

/// The header that says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// How long answers are kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest that a write takes, with what it takes to write its answer down.
const LEASE: Duration = Duration::from_secs(180);

/// The keys of this API's writes.
#[derive(Clone)]
pub(super) struct Repeats(Arc<Idempotency>);

impl Repeats {
    /// Keeps answers where the data plane keeps its own, but for longer.
    pub(super) fn new(gateway: &Gateway) -> Self {
        let config = config::Idempotency { ttl: KEPT, ..gateway.config.idempotency.clone() };
        Self(Idempotency::new(config, Arc::clone(&gateway.hot), &gateway.sealing))
    }
}

/// Runs a call that was let through; a write with a key only if it is the first.
pub(super) async fn once(repeats: Option<Repeats>, request: Request, next: Next) -> Response {
    let is_write = !matches!(*request.method(), Method::GET | Method::HEAD);
    let caller = request.extensions().get::<Caller>().cloned();
    match (presented(request.headers()), repeats, caller) {
        (Ok(None), ..) | (_, None, _) | (_, _, None) => next.run(request).await,
        (Err(what), ..) if is_write => ApiError::new(Code::BadRequest, what).into_response(),
        (Ok(Some(name)), Some(repeats), Some(caller)) if is_write => {
            let name = name.to_owned();
            first(&repeats.0, &caller, &name, request, next).await.unwrap_or_else(IntoResponse::into_response)
        }
        _ => next.run(request).await,
    }
}

async fn first(
    engine: &Arc<Idempotency>,
    caller: &Caller,
    name: &str,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, APPLY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(ApiError::new(Code::PayloadTooLarge, "the body is larger than any route takes"));
        }
        Err(_) => return Err(ApiError::new(Code::BadRequest, "the body broke off")),
    };
    let target = parts.uri.path_and_query().map_or_else(|| parts.uri.path(), |target| target.as_str());
    let asked = fingerprint(&format!("{} {target}", parts.method), &body);
    // Keys are told apart by whose they are; ids are unique over all tables.
    let whose = ApiKeyId(caller.member().id());
    let claimed = engine.claim(whose, name, asked, &caller.request_id, LEASE).await;
    let unavailable = |error| {
        ApiError::new(Code::IdempotencyUnavailable, "nobody can say at present whether this was done before")
            .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            .caused_by(error)
    };
    let claim = match claimed.map_err(unavailable)? {
        Claimed::First(claim) => claim,
        Claimed::Again(answer) => return Ok(again(*answer)),
        refused => return Err(refusal(&refused)),
    };
    let request = Request::from_parts(parts, Body::from(body));
    // On a task of its own: whoever hangs up and comes back shall find what came of it.
    tokio::spawn(async move { keep(claim, next.run(request).await).await }).await.map_err(ApiError::internal)
}

/// Keeps an answer of success, and gives the claim up otherwise.
async fn keep(claim: Claim, response: Response) -> Response {
    if !response.status().is_success() {
        claim.give_up().wait().await;
        return response;
    }
    let (parts, body) = response.into_parts();
    // What a handler answers is in memory already.
    match body.collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            claim.keep(parts.status, &parts.headers, std::slice::from_ref(&body)).wait().await;
            Response::from_parts(parts, Body::from(body))
        }
        Err(error) => {
            claim.too_large().wait().await;
            ApiError::internal(error).into_response()
        }
    }
}

fn again(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    (*response.status_mut(), *response.headers_mut()) = (answer.status, answer.headers);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn refusal(claimed: &Claimed) -> ApiError {
    match claimed {
        Claimed::Other(first) => ApiError::new(
            Code::IdempotencyKeyReused,
            format!("this Idempotency-Key belongs to another request, {first}: a new request needs a new key"),
        ),
        Claimed::InProgress(first) => {
            ApiError::new(Code::IdempotencyInProgress, format!("this is being done already, by request {first}"))
                .hint("try again in a moment to get its answer")
                .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
        }
        Claimed::NotKept(first) => ApiError::new(
            Code::IdempotencyNotKept,
            format!("this was done before, by request {first}, and its answer was not kept; it is not done twice"),
        )
        .hint("look at what is there now"),
        Claimed::Unknown(first) => ApiError::new(
            Code::IdempotencyOutcomeUnknown,
            format!("this was begun before, by request {first}, and nobody knows what came of it"),
        )
        .hint("look at what is there now; a new key does it again"),
        Claimed::First(_) | Claimed::Again(_) => ApiError::internal("a claim is no refusal"),
    }
}
