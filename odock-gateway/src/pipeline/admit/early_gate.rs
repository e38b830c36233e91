//! What is checked once the caller is known and before the body is read.

use std::sync::Arc;

use http::header::CONTENT_LENGTH;
use http_body::Body as _;

use super::Authenticated;
use crate::auth::Principal;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::limits::refused;
use crate::pipeline::swallow::swallow;

/// A request that may send its body.
pub struct Cleared {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) principal: Arc<Principal>,
    /// Whether the body's length is still unknown.
    pub(in crate::pipeline) unannounced: bool,
    _sealed: (),
}

impl Cleared {
    /// On whose behalf the request is made.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// Checks the announced size of the body, holds the request against the limits of organisation, team and key, and counts
/// it as its organisation's.
///
/// # Errors
/// `payload_too_large`, `ip_not_allowed`, one of the codes of limits that count requests, or `overloaded`.
pub async fn early_gate(gw: &Gateway, from: Authenticated) -> Result<Cleared, GatewayError> {
    let Authenticated { mut exchange, principal, global_is_due, .. } = from;
    let most = exchange.max_body;
    let announced =
        exchange.head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large(most));
    }
    // A request without a body, such as one for the list of models, announces none.
    let unannounced = announced.is_none() && !exchange.body.is_end_stream();
    let bytes = announced.or((!unannounced).then_some(0));
    let case = &exchange.case;
    let lease = gw.limits.early(&principal, case.client, bytes, global_is_due, &case.limits).await;
    match lease {
        Ok(lease) => exchange.guards.places.extend(lease),
        Err(refusal) => {
            let error = refused(case, refusal);
            swallow(&exchange.head.headers, exchange.body).await;
            return Err(error);
        }
    }
    exchange.guards.organisation = Some(gw.live.enter(principal.organisation_id));
    Ok(Cleared { exchange, principal, unannounced, _sealed: () })
}

/// The refusal of a body of more than `most` bytes.
pub(in crate::pipeline) fn too_large(most: usize) -> GatewayError {
    GatewayError::new(
        ErrorCode::PayloadTooLarge,
        format!("the body is larger than the {most} bytes that this gateway takes"),
    )
}
