//! What every answer of the management API has: a request id, headers that keep it out of caches, and errors as
//! `application/problem+json`, whatever made them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::problem::{ApiError, Code};

/// The header that carries the request's id, in and out.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The handle of a call in headers, logs and audit.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) Arc<str>);

/// The outermost layer.
pub(super) async fn frame(mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response = answered.unwrap_or_else(|_| ApiError::internal("a handler panicked").into_response());
    finish(response, &id)
}

fn finish(mut response: Response, id: &str) -> Response {
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        error.log(id);
        response = render(&error, id);
    } else if failed && !is_problem(&response) {
        // Something below us answered by itself, in a shape that clients do not know.
        response = render(&ApiError::new(closest(response.status()), "the request was refused"), id);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn render(error: &ApiError, id: &str) -> Response {
    let body = serde_json::to_vec(&error.problem(id)).unwrap_or_default();
    let mut response = (error.code().wire().0, body).into_response();
    error.headers(response.headers_mut());
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn is_problem(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json")
}

fn closest(status: StatusCode) -> Code {
    Code::ALL.iter().copied().find(|code| code.wire().0 == status).unwrap_or(if status.is_server_error() {
        Code::Internal
    } else {
        Code::BadRequest
    })
}

/// The caller's own id if it can stand in headers and logs, a new one otherwise.
fn request_id(request: &Request) -> Arc<str> {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let usable = |id: &&str| {
        (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&b))
    };
    match given.filter(usable) {
        Some(id) => id.into(),
        None => uuid::Uuid::now_v7().to_string().into(),
    }
}
