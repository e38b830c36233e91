//! From what happened to what the caller gets.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::record;
use super::settle::Ending;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::http::dialect::openai;
use crate::pipeline::admit::REQUEST_ID;
use crate::pipeline::case::Case;
use crate::pipeline::send::{Answered, Refused, Unary};

/// Answers the caller. The record is on disk before the last byte can go out.
pub fn respond(gw: &Gateway, answered: Answered) -> Response {
    match answered {
        Answered::Unary(unary) => {
            let Unary { exchange, status, headers, body, reported, content_bytes } = unary;
            record::leave(gw, &exchange.case, Ending::answered(status).metered(reported, content_bytes), None);
            response(status, headers, Body::from(body), exchange.case.request_id())
        }
        Answered::Refused(Refused { exchange, status, headers, body }) => {
            record::leave(gw, &exchange.case, Ending::answered(status), None);
            response(status, headers, Body::from(body), exchange.case.request_id())
        }
        Answered::Stream(mut stream) => {
            let (status, headers, id) = (stream.status, std::mem::take(&mut stream.headers), stream.request_id());
            response(status, headers, Body::new(*stream), &id)
        }
    }
}

/// Answers with an error, which leaves a record like any other end if it is known who called.
pub fn denied(gw: &Gateway, case: &Case, error: GatewayError) -> Response {
    let failed = matches!(error.code, ErrorCode::UpstreamError | ErrorCode::UpstreamTimeout | ErrorCode::Internal);
    record::leave(gw, case, Ending::refused(&error, failed), Some(&error));
    openai::error(&error, case.request_id())
}

fn response(status: StatusCode, headers: HeaderMap, body: Body, request_id: &str) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
