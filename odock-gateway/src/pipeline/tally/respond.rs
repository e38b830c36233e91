//! From what happened to what the caller gets.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::record;
use super::settle::Ending;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::idempotency::Answer;
use crate::pipeline::admit::REQUEST_ID;
use crate::pipeline::case::Case;
use crate::pipeline::limits;
use crate::pipeline::plan::Repeated;
use crate::pipeline::send::{Answered, Refused, Unary};

/// Names the fields of the request that its upstream's family cannot express and that were left out.
const DROPPED: HeaderName = HeaderName::from_static("x-odock-dropped");
/// Says that an answer is that of an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Answers the caller. The record is on disk before the last byte can go out.
pub fn respond(gw: &Gateway, answered: Answered) -> Response {
    match answered {
        Answered::Unary(unary) => {
            let Unary { exchange, status, headers, body, reported, content_bytes } = unary;
            record::leave(gw, &exchange.case, Ending::answered(status).metered(reported, content_bytes), None);
            response(status, headers, Body::from(body), &exchange.case)
        }
        Answered::Refused(Refused { exchange, status, headers, body }) => {
            record::leave(gw, &exchange.case, Ending::answered(status), None);
            response(status, headers, Body::from(body), &exchange.case)
        }
        Answered::Stream(mut stream) => {
            let (status, headers, case) = (stream.status, std::mem::take(&mut stream.headers), stream.case());
            response(status, headers, Body::new(*stream), &case)
        }
    }
}

/// Answers with what came of the request when it was made first.
pub fn again(gw: &Gateway, repeated: Repeated) -> Response {
    let Repeated { exchange, answer, .. } = repeated;
    let Answer { first, status, headers, body } = *answer;
    // The only stage that learns it.
    let _ = exchange.case.replay_of.set(first);
    record::leave(gw, &exchange.case, Ending::replayed(status), None);
    let mut response = response(status, headers, Body::from(body), &exchange.case);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// Answers with an error, which leaves a record like any other end if it is known who called.
pub fn denied(gw: &Gateway, case: &Case, error: GatewayError) -> Response {
    let failed = matches!(error.code, ErrorCode::UpstreamError | ErrorCode::UpstreamTimeout | ErrorCode::Internal);
    record::leave(gw, case, Ending::refused(&error, failed), Some(&error));
    let mut response = case.dialect.error(&error, case.request_id());
    limits::add_headers(&case.limits, response.headers_mut());
    response
}

/// Answers a caller whose request goes on without it.
pub fn accepted(status: StatusCode, headers: HeaderMap, body: Bytes, case: &Case) -> Response {
    response(status, headers, Body::from(body), case)
}

/// Leaves the record of a request that the gateway gave up though nothing was wrong with it.
pub fn interrupted(gw: &Gateway, case: &Case, error: &GatewayError) {
    record::leave(gw, case, Ending::interrupted(error), Some(error));
}

fn response(status: StatusCode, headers: HeaderMap, body: Body, case: &Case) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if let Ok(id) = HeaderValue::from_str(case.request_id()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    limits::add_headers(&case.limits, response.headers_mut());
    if let Some(dropped) = dropped(&case.left_out()) {
        response.headers_mut().insert(DROPPED, dropped);
    }
    response
}

/// The fields that were left out, as far as a header holds them.
fn dropped(fields: &[String]) -> Option<HeaderValue> {
    /// Servers and SDKs put up with eight kilobytes of headers in all.
    const MOST: usize = 2_000;
    let mut text = String::new();
    for field in fields {
        if text.len() + field.len() > MOST {
            text.push_str(", ...");
            break;
        }
        let comma = if text.is_empty() { "" } else { ", " };
        text.push_str(comma);
        text.push_str(field);
    }
    (!text.is_empty()).then(|| HeaderValue::try_from(text).ok()).flatten()
}
