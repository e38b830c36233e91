//! The process-wide caps: as many requests as it may serve at once, as many records as its disk may hold.

use super::Received;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::pipeline::exchange::Exchange;

/// A request that the process has room for.
pub struct Identified {
    pub(in crate::pipeline) exchange: Exchange,
    _sealed: (),
}

/// Takes a place for the request.
///
/// # Errors
/// `overloaded` when there is none, or when its record would find no room on disk.
pub fn identify(gw: &Gateway, from: Received) -> Result<Identified, GatewayError> {
    let Received { mut exchange } = from;
    let Some(place) = gw.enter() else {
        return Err(
            GatewayError::new(ErrorCode::Overloaded, "the gateway serves as many requests as it may").retry_after(1)
        );
    };
    if !gw.usage.has_room() {
        let error =
            GatewayError::new(ErrorCode::Overloaded, "the gateway cannot record more usage until its database is back");
        return Err(error.retry_after(5));
    }
    exchange.guards.process = Some(place);
    Ok(Identified { exchange, _sealed: () })
}
