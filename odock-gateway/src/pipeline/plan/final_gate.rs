//! What is checked once it is known what is asked and where it goes.

use std::sync::atomic::Ordering;

use super::New;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::limits::{Lease, Wants};
use crate::models::Target;
use crate::pipeline::case::Case;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::limits::refused;
use crate::pipeline::plan::Plan;
use crate::providers::call::Call;

/// A request that fits its limits.
pub struct Fitted {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) call: Call,
    pub(in crate::pipeline) plan: Plan,
    _sealed: (),
}

/// Holds the request against the limits of tokens in every scope, and against all that the model's own policy limits.
///
/// # Errors
/// `max_tokens_exceeded`, `tpm_exceeded`, for the model also the codes of the early gate, or `overloaded`.
pub async fn final_gate(gw: &Gateway, from: New) -> Result<Fitted, GatewayError> {
    let New { mut exchange, call, plan, .. } = from;
    let case = &exchange.case;
    let Some(principal) = case.principal.get() else {
        return Err(
            GatewayError::new(ErrorCode::Internal, "the gateway failed").caused_by("a request without principal")
        );
    };
    let prompt = case.estimated_prompt.load(Ordering::Relaxed).into();
    let mut most = wants(&call, &plan.target, prompt);
    for other in plan.detour.iter().flat_map(|detour| detour.targets()) {
        most.tokens = most.tokens.max(wants(&call, other, prompt).tokens);
    }
    let lease = gw.limits.last(principal, &plan.target, case.client, &most, &case.limits).await;
    // The early gate may have left its limits to this one: what they gave out stays when the model changes.
    if let Some(mut lease) = lease.map_err(|refusal| refused(case, refusal))? {
        exchange.guards.model = lease.part_with_model();
        exchange.guards.places.push(lease);
    }
    Ok(Fitted { exchange, call, plan, _sealed: () })
}

/// Holds a call that goes on from one model to another against the limits of the other, and gives back what the first one's
/// limits had set aside.
///
/// # Errors
/// As [`final_gate`], for the model alone. Then nothing has changed.
pub(in crate::pipeline) async fn change_model(
    gw: &Gateway,
    exchange: &mut Exchange,
    call: &Call,
    from: &Target,
    to: &Target,
) -> Result<(), GatewayError> {
    let case = &exchange.case;
    let lease = add_model(gw, case, call, to).await?;
    exchange.guards.model = lease;
    gw.limits.leave_model(from.model_id, &case.limits);
    Ok(())
}

/// Holds a call that asks a second model while the first may still answer against the limits of the second.
///
/// # Errors
/// As [`final_gate`], for the model alone. Then nothing has changed.
pub(in crate::pipeline) async fn add_model(
    gw: &Gateway,
    case: &Case,
    call: &Call,
    to: &Target,
) -> Result<Option<Lease>, GatewayError> {
    let wants = wants(call, to, case.estimated_prompt.load(Ordering::Relaxed).into());
    let lease = gw.limits.model(to, case.client, &wants, &case.limits).await;
    lease.map_err(|refusal| refused(case, refusal))
}

/// What the request may use: its prompt as estimated, and for each answer the cap that it asks for, or else the model's.
pub(super) fn wants(call: &Call, target: &Target, prompt: u64) -> Wants {
    let cap = call.bound.output.most(target.config.max_output_tokens.map_or(0, u64::from));
    // Nobody has more tokens than this; sums of them stay far from any edge.
    const MOST: u64 = 1 << 50;
    let tokens = cap.saturating_mul(call.bound.choices).saturating_add(prompt).min(MOST);
    Wants { bytes: call.body_bytes(), output_cap: call.bound.output.cap(), tokens }
}
