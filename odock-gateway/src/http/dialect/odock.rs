//! The gateway's own error shape: `{"error":{"code":…,"message":…}}`, with scope, limit and retry time where a limit refuses.

use serde::Serialize;

use super::Ours;
use crate::error::GatewayError;

#[derive(Serialize)]
struct Shape<'a> {
    error: Ours<'a>,
}

pub(super) fn body(error: &GatewayError, request_id: &str) -> Vec<u8> {
    super::json(&Shape { error: Ours::of(error, request_id) })
}
