//! Keeps answers for those who repeat their requests under an idempotency key.

use http::StatusCode;

use crate::idempotency::Claim;
use crate::pipeline::case::Case;
use crate::pipeline::send::{Answered, Refused, Unary};

/// Keeps a whole answer before the caller gets it, so that a repeat finds it. A stream sees to that itself, at its end.
pub async fn keep(answered: Answered) -> Answered {
    let written = match &answered {
        Answered::Unary(Unary { exchange, status, headers, body, .. }) => {
            exchange.case.claim().take().map(|claim| claim.keep(*status, headers, std::slice::from_ref(body)))
        }
        // What is worth another try is not an outcome.
        Answered::Refused(Refused { exchange, status, .. }) if is_passing(*status) => {
            exchange.case.came_to_nothing();
            exchange.case.claim().take().map(Claim::give_up)
        }
        Answered::Refused(Refused { exchange, status, headers, body }) => {
            exchange.case.claim().take().map(|claim| claim.keep(*status, headers, std::slice::from_ref(body)))
        }
        Answered::Stream(_) => None,
    };
    if let Some(written) = written {
        Box::pin(written.wait()).await;
    }
    answered
}

/// Ends the claim of a request that was refused or failed, before its caller hears of it.
pub async fn let_go(case: &Case) {
    let written = case.claim().take().map(Claim::give_up);
    if let Some(written) = written {
        Box::pin(written.wait()).await;
    }
}

fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}
