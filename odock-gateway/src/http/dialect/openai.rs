//! OpenAI's error shape, which its SDKs turn into typed exceptions by status and `type`.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::error::GatewayError;
use crate::pipeline::admit::REQUEST_ID;

#[derive(Serialize)]
struct Shape<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'static str>,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    request_id: &'a str,
}

fn body(error: &GatewayError, request_id: &str) -> Vec<u8> {
    let (status, code) = error.code.wire();
    let shape = Shape {
        error: Inner {
            message: &error.message,
            r#type: kind(status),
            param: None,
            code,
            scope: error.scope,
            limit: error.limit,
            retry_after: error.retry_after,
            request_id,
        },
    };
    // Strings and numbers always serialise.
    serde_json::to_vec(&shape).unwrap_or_default()
}

/// An error as an answer.
pub fn error(error: &GatewayError, request_id: &str) -> Response {
    let mut response = Response::new(Body::from(body(error, request_id)));
    *response.status_mut() = error.code.wire().0;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(seconds) = error.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    } else if matches!(error.code.wire().0, StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT) {
        // No wait will help; OpenAI's SDKs would try these again by themselves.
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    response
}

/// An error as the last event of a stream. OpenAI's SDKs raise it when they see `error` in an event's data.
pub fn error_event(error: &GatewayError, request_id: &str) -> Bytes {
    let mut event = b"data: ".to_vec();
    event.extend_from_slice(&body(error, request_id));
    event.extend_from_slice(b"\n\n");
    event.into()
}

const fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn an_error_has_openais_shape_and_our_code() {
        let error = GatewayError::new(ErrorCode::Overloaded, "too \"busy\"").retry_after(3).caused_by("secret detail");
        insta::assert_snapshot!(String::from_utf8(body(&error, "r-1")).unwrap(), @r#"{"error":{"message":"too \"busy\"","type":"server_error","param":null,"code":"overloaded","retry_after":3,"request_id":"r-1"}}"#);
    }
}
