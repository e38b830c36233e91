//! What is checked before any key is looked up: the global policy.

use std::sync::Arc;

use super::Identified;
use super::authenticate::presented;
use crate::auth::{KeyHash, Principal};
use crate::credential;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::limits::refused;
use crate::pipeline::swallow::swallow;

/// A request that may present its key.
pub struct Admitted {
    pub(in crate::pipeline) exchange: Exchange,
    /// Who calls, if this process knows. The early gate is then to count the global policy's requests: its step does for
    /// both.
    pub(in crate::pipeline) known: Option<(KeyHash, Arc<Principal>)>,
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
    let mut known = None;
    if counts && let Ok(key) = presented(&exchange.head, exchange.case.dialect) {
        let hash = credential::hash_bytes(&key);
        known = gw.auth.known(&hash).await.map(|principal| (hash, principal));
    }
    let case = &exchange.case;
    let lease = gw.limits.pre_auth(case.client, counts && known.is_none(), &case.limits).await;
    match lease {
        Ok(lease) => exchange.guards.places.extend(lease),
        Err(refusal) => {
            let error = refused(case, refusal);
            swallow(&exchange.head.headers, exchange.body).await;
            return Err(error);
        }
    }
    Ok(Admitted { exchange, known, _sealed: () })
}
