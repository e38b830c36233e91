//! What is checked before any key is looked up: the global policy.

use super::Identified;
use super::authenticate::presented;
use crate::credential;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::limits::refused;
use crate::pipeline::swallow::swallow;

/// A request that may present its key.
pub struct Admitted {
    pub(in crate::pipeline) exchange: Exchange,
    /// Whether the early gate is to count the global policy's requests: its step then does for both.
    pub(in crate::pipeline) global_is_due: bool,
    _sealed: (),
}

/// Holds the request against the global policy. Its requests are counted here unless the key is known to this process:
/// a flood of made-up keys must meet them before anything is looked up.
///
/// # Errors
/// `ip_not_allowed`, one of the codes of limits that count requests, or `overloaded`.
pub async fn pre_auth_gate(gw: &Gateway, from: Identified) -> Result<Admitted, GatewayError> {
    let Identified { mut exchange, .. } = from;
    let counts = gw.limits.counts_globally();
    let global_is_due = counts
        && match presented(&exchange.head, exchange.case.dialect) {
            Ok(key) => gw.auth.knows(&credential::hash_bytes(&key)).await,
            Err(_) => false,
        };
    let case = &exchange.case;
    let lease = gw.limits.pre_auth(case.client, counts && !global_is_due, &case.limits).await;
    match lease {
        Ok(lease) => exchange.guards.places.extend(lease),
        Err(refusal) => {
            let error = refused(case, refusal);
            swallow(&exchange.head.headers, exchange.body).await;
            return Err(error);
        }
    }
    Ok(Admitted { exchange, global_is_due, _sealed: () })
}
