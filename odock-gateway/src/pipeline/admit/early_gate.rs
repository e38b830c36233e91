//! What is checked once the caller is known and before the body is read.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, EXPECT};
use http_body::Body as _;

use super::Authenticated;
use crate::auth::Principal;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::pipeline::case::Case;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::limits::refused;
use crate::pipeline::swallow::{swallow, swallow_afterwards};

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

/// A body of this size is read before the limits that count requests are asked: the final gate then asks for both gates at
/// once.
const SMALL: u64 = 64 << 10;

/// Which step asks the limits that count requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One of this gate's own.
    Own,
    /// The final gate's, if the body is small.
    Final,
}

/// Checks the announced size of the body, holds the request against the limits of organisation, team and key, and counts
/// it as its organisation's.
///
/// # Errors
/// `payload_too_large`, `ip_not_allowed`, one of the codes of limits that count requests, or `overloaded`.
pub async fn early_gate(gw: &Gateway, from: Authenticated, step: Step) -> Result<Cleared, GatewayError> {
    let Authenticated { mut exchange, principal, global_is_due, .. } = from;
    let most = exchange.max_body;
    let announced =
        exchange.head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        swallow_afterwards(&exchange.head.headers, exchange.body);
        return Err(too_large(most));
    }
    // A request without a body, such as one for the list of models, announces none.
    let unannounced = announced.is_none() && !exchange.body.is_end_stream();
    let bytes = announced.or((!unannounced).then_some(0));
    let case = &exchange.case;
    // Who asks before sending a body is not asked for one that is refused.
    let asks = exchange.head.headers.contains_key(EXPECT);
    let later = step == Step::Final && !asks && bytes.is_some_and(|bytes| bytes <= SMALL);
    let lease = gw.limits.early(&principal, case.client, bytes, global_is_due, later, &case.limits).await;
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

/// Asks the limits that were left to the final gate, for a request that ends before it gets there; `error` is why. A refusal
/// of theirs comes first, as it would have.
pub async fn overdue(gw: &Gateway, case: &Case, error: GatewayError) -> GatewayError {
    match gw.limits.overdue(&case.limits).await {
        Ok(_) => error,
        Err(refusal) => refused(case, refusal),
    }
}

/// The refusal of a body of more than `most` bytes.
pub(in crate::pipeline) fn too_large(most: usize) -> GatewayError {
    GatewayError::new(
        ErrorCode::PayloadTooLarge,
        format!("the body is larger than the {most} bytes that this gateway takes"),
    )
}
