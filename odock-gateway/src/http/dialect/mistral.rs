//! Mistral's error shape: `{"object":"error","message":…,"type":…,"param":null,"code":…}`, with the published shape beside
//! it, since Mistral's has no object named `error`.

use http::StatusCode;
use serde::Serialize;

use super::Ours;
use crate::error::GatewayError;

#[derive(Serialize)]
struct Shape<'a> {
    object: &'static str,
    message: &'a str,
    r#type: &'static str,
    param: Option<&'static str>,
    code: &'static str,
    error: Ours<'a>,
}

pub(super) fn body(error: &GatewayError, request_id: &str) -> Vec<u8> {
    let (status, code) = error.code.wire();
    super::json(&Shape {
        object: "error",
        message: &error.message,
        r#type: kind(status),
        param: None,
        code,
        error: Ours::of(error, request_id),
    })
}

const fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "unauthorized",
        429 => "rate_limited",
        400..=499 => "invalid_request_error",
        503 => "service_unavailable",
        _ => "internal_server_error",
    }
}
