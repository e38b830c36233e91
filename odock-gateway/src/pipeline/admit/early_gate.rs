//! What is checked once the caller is known and before the body is read.

use std::sync::Arc;

use http::header::CONTENT_LENGTH;

use super::Authenticated;
use crate::auth::Principal;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::pipeline::exchange::Exchange;

/// A request that may send its body.
pub struct Cleared {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) principal: Arc<Principal>,
    _sealed: (),
}

impl Cleared {
    /// On whose behalf the request is made.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// Checks the announced size of the body, and counts the request as its organisation's.
///
/// # Errors
/// `payload_too_large`.
#[allow(clippy::unused_async, reason = "every gate is asynchronous: its rules ask the hot store")]
pub async fn early_gate(gw: &Gateway, from: Authenticated) -> Result<Cleared, GatewayError> {
    let Authenticated { mut exchange, principal, .. } = from;
    let most = gw.config.http.max_body_bytes;
    let announced =
        exchange.head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large(most));
    }
    exchange.guards.organisation = Some(gw.live.enter(principal.organisation_id));
    Ok(Cleared { exchange, principal, _sealed: () })
}

/// The refusal of a body of more than `most` bytes.
pub(in crate::pipeline) fn too_large(most: usize) -> GatewayError {
    GatewayError::new(
        ErrorCode::PayloadTooLarge,
        format!("the body is larger than the {most} bytes that this gateway takes"),
    )
}
