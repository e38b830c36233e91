//! What plugins say of the request before it leaves.

use super::Vetted;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::Plan;
use crate::providers::call::Call;

/// A request that is ready to be sent.
pub struct Prepared {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) call: Call,
    pub(in crate::pipeline) plan: Plan,
    _sealed: (),
}

/// Lets every request pass: no plugin is configured.
///
/// # Errors
/// None.
#[allow(clippy::unused_async, reason = "a plugin may take its time")]
pub async fn plugins(_: &Gateway, from: Vetted) -> Result<Prepared, GatewayError> {
    let Vetted { exchange, call, plan, .. } = from;
    Ok(Prepared { exchange, call, plan, _sealed: () })
}
