//! OpenAI's error shape, which its SDKs turn into typed exceptions by status and `type`. vLLM and Hugging Face's router
//! use it too.

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
    #[serde(flatten)]
    ours: Ours<'a>,
    r#type: &'static str,
    param: Option<&'static str>,
}

pub(super) fn body(error: &GatewayError, request_id: &str) -> Vec<u8> {
    let ours = Ours::of(error, request_id);
    super::json(&Shape { error: Inner { ours, r#type: kind(error.code.wire().0), param: None } })
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
