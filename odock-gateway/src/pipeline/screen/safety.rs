//! What the safety engine says of the content before it leaves.

use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::Plan;
use crate::pipeline::plan::Reserved;
use crate::providers::call::Call;

/// A request whose content may pass.
pub struct Vetted {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) call: Call,
    pub(in crate::pipeline) plan: Plan,
    _sealed: (),
}

/// Lets every request pass: no safety module is on.
///
/// # Errors
/// None.
#[allow(clippy::unused_async, reason = "a safety module may keep state in the hot store")]
pub async fn safety(_: &Gateway, from: Reserved) -> Result<Vetted, GatewayError> {
    let Reserved { exchange, call, plan, .. } = from;
    Ok(Vetted { exchange, call, plan, _sealed: () })
}
