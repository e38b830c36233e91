//! What is checked once it is known what is asked and where it goes.

use super::Routed;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::{Call, Plan};

/// A request that fits its limits.
pub struct Fitted {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) call: Call,
    pub(in crate::pipeline) plan: Plan,
    _sealed: (),
}

/// Lets every request pass: no limit is set on models and tokens.
///
/// # Errors
/// None.
#[allow(clippy::unused_async, reason = "every gate is asynchronous: its rules ask the hot store")]
pub async fn final_gate(_: &Gateway, from: Routed) -> Result<Fitted, GatewayError> {
    let Routed { exchange, call, plan, .. } = from;
    Ok(Fitted { exchange, call, plan, _sealed: () })
}
