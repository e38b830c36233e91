//! Google's error shape (google.rpc.Status as JSON): `code` is the HTTP status and `status` the canonical code's name.
//! The published code is the `reason` of an `ErrorInfo`, where Google puts codes for programs.

use http::StatusCode;
use serde::Serialize;

use super::Ours;
use crate::error::GatewayError;

#[derive(Serialize)]
struct Shape<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: u16,
    message: &'a str,
    status: &'static str,
    details: [Detail<'a>; 1],
}

#[derive(Serialize)]
struct Detail<'a> {
    #[serde(rename = "@type")]
    r#type: &'static str,
    reason: &'static str,
    domain: &'static str,
    metadata: Ours<'a>,
}

pub(super) fn body(error: &GatewayError, request_id: &str) -> Vec<u8> {
    let (status, code) = error.code.wire();
    let detail = Detail {
        r#type: "type.googleapis.com/google.rpc.ErrorInfo",
        reason: code,
        domain: "odock",
        metadata: Ours::of(error, request_id),
    };
    let inner = Inner { code: status.as_u16(), message: &error.message, status: canonical(status), details: [detail] };
    super::json(&Shape { error: inner })
}

/// The canonical code of a status, as google.api.HttpRule maps them.
const fn canonical(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHENTICATED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        400..=499 => "INVALID_ARGUMENT",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}
