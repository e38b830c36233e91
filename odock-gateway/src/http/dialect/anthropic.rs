//! Anthropic's error shape (API reference, "Errors"): `{"type":"error","error":{"type":…,"message":…},"request_id":…}`.

use http::StatusCode;
use serde::Serialize;

use super::Ours;
use crate::error::GatewayError;

#[derive(Serialize)]
struct Shape<'a> {
    r#type: &'static str,
    error: Inner<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Inner<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    ours: Ours<'a>,
}

pub(super) fn body(error: &GatewayError, request_id: &str) -> Vec<u8> {
    let ours = Ours::of(error, request_id);
    super::json(&Shape { r#type: "error", error: Inner { r#type: kind(error.code.wire().0), ours }, request_id })
}

const fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        504 => "timeout_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}
