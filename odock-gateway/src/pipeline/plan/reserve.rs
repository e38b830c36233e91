//! Sets aside what the call may cost.

use super::Fitted;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::{Call, Plan};

/// A request that is paid for.
pub struct Reserved {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) call: Call,
    pub(in crate::pipeline) plan: Plan,
    _sealed: (),
}

/// Lets every request pass: no budget and no quota is set.
///
/// # Errors
/// None.
#[allow(clippy::unused_async, reason = "a reservation may have to ask for capacity")]
pub async fn reserve(_: &Gateway, from: Fitted) -> Result<Reserved, GatewayError> {
    let Fitted { exchange, call, plan, .. } = from;
    Ok(Reserved { exchange, call, plan, _sealed: () })
}
