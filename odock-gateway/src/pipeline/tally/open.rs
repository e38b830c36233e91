//! Sees to it that a request leaves its record even if its caller goes away while it is served.

use std::sync::Arc;

use super::record;
use super::settle::Ending;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::pipeline::case::Case;

/// A request that is being served. Dropped without [`Open::close`], it leaves a record of why it was not answered.
pub struct Open {
    gw: Gateway,
    case: Option<Arc<Case>>,
}

impl Open {
    /// Watches over a request.
    pub fn new(gw: &Gateway, case: &Arc<Case>) -> Self {
        Self { gw: gw.clone(), case: Some(Arc::clone(case)) }
    }

    /// The request has an answer, which sees to its own record.
    pub fn close(mut self) {
        self.case = None;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(case) = self.case.take() else { return };
        let (ending, error) = if std::thread::panicking() {
            let error = GatewayError::new(ErrorCode::Internal, "the gateway failed");
            (Ending::refused(&error, true), Some(error))
        } else {
            (Ending::cancelled(), None)
        };
        record::leave(&self.gw, &case, ending, error.as_ref());
    }
}
