//! What is checked before any key is looked up.

use super::Identified;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::pipeline::exchange::Exchange;

/// A request that may present its key.
pub struct Admitted {
    pub(in crate::pipeline) exchange: Exchange,
    _sealed: (),
}

/// Lets every request pass: no rule is set before authentication.
///
/// # Errors
/// None.
#[allow(clippy::unused_async, reason = "every gate is asynchronous: its rules ask the hot store")]
pub async fn pre_auth_gate(_: &Gateway, from: Identified) -> Result<Admitted, GatewayError> {
    let Identified { exchange, .. } = from;
    Ok(Admitted { exchange, _sealed: () })
}
