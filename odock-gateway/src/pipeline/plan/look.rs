//! What limits, budgets and quotas would say, for a call that is not made.

use entity::Timestamp;
use entity::usage::{LimitMark, ReservationMark};
use entity::vocab::Enforcement;

use super::final_gate::wants;
use super::reserve::{CUTS, affordable, most, objection};
use crate::auth::Principal;
use crate::gateway::Gateway;
use crate::hot::HotError;
use crate::limits::Wants;
use crate::models::Target;
use crate::providers::call::Call;
use crate::usage::{estimate, tokens};

/// What was found.
pub(crate) struct Looked {
    /// Each budget and quota, with what the call would set aside of it.
    pub(crate) marks: Vec<ReservationMark>,
    /// The tokens that an answer would be cut to.
    pub(crate) clamped_to: Option<u64>,
}

/// Asks every limit, but for addresses. Without a target, those that are known before the model is.
pub(crate) async fn limits(
    gw: &Gateway,
    call: &Call,
    principal: &Principal,
    target: Option<&Target>,
) -> Result<Vec<LimitMark>, HotError> {
    let prompt = estimate::tokens(call.prompt_bytes);
    let wants = match target {
        Some(target) => wants(call, target, prompt),
        None => Wants { bytes: call.body_bytes(), output_cap: call.bound.output.cap(), tokens: prompt },
    };
    gw.limits.look(principal, target, &wants).await
}

/// Asks every budget and quota of a caller, in the same steps as a call that is made: counting only when a limit is near,
/// and cutting the answer where a hard budget does not pay for all of it.
pub(crate) async fn look(
    gw: &Gateway,
    call: &Call,
    principal: &Principal,
    target: &Target,
    at: Timestamp,
) -> Result<Looked, String> {
    let prices = target.prices(at).map(|(prices, _)| prices);
    let mut demand = most(gw, call, target);
    let (mut counted, mut cuts, mut clamped_to) = (false, 0, None);
    loop {
        let marks = gw.ledger.look(&demand.claims(&principal.limits, prices), at).await?;
        let refusing = marks.iter().find(|mark| mark.refused);
        let Some(refusing) = refusing else { return Ok(Looked { marks, clamped_to }) };
        let is_hard = principal.limits.iter().any(|limit| {
            limit.kind == refusing.kind && limit.name == refusing.name && limit.enforcement == Enforcement::Hard
        });
        let may_cut = is_hard && call.bound.output.can_be_capped();
        if !counted {
            counted = true;
            let input = tokens::count(call, &target.slug, is_hard).await;
            if let Some(input) = input.filter(|input| *input < demand.input) {
                demand.input = input;
                continue;
            }
        }
        let cut = affordable(prices, demand, refusing.left, call.bound.choices).filter(|_| may_cut && cuts < CUTS);
        match cut.filter(|output| objection(call, target, *output).is_none()) {
            Some(output) => {
                cuts += 1;
                demand.output = output;
                clamped_to = Some(output / call.bound.choices.max(1));
            }
            None => return Ok(Looked { marks, clamped_to: None }),
        }
    }
}
