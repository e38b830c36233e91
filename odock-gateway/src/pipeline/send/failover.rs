//! Calls one upstream after the other, as the key's policy says.
//!
//! Nothing is tried again once the caller may have seen a part of an answer: a whole answer is there or is not, and a stream
//! is held back until it has content. Each attempt has its upstream's own timeouts; how many there are, and until when one
//! may begin, is bounded.

use std::time::Duration;

use entity::routing::RoutingPolicy;
use tokio::time::{Instant, sleep};

use super::attempt::{Setback, attempt};
use super::attempting::Company;
use super::hedge;
use super::upstream::Answered;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::detour::{Detour, RESTING, Way};
use crate::pipeline::plan::{Plan, final_gate, reserve};
use crate::providers::call::Call;
use crate::routing::{Admission, Permit, retry};

/// Calls the candidates of a routed call until one answers, or the policy has had enough.
pub(super) async fn upstream(
    gw: &Gateway,
    mut exchange: Exchange,
    mut call: Call,
    mut plan: Plan,
) -> Result<Answered, GatewayError> {
    let Some((routing, model_type)) = plan.detour.as_ref().map(|detour| detour.declared()) else {
        return Err(nobody());
    };
    let Some(policy) = routing.of(model_type) else { return Err(nobody()) };
    let end = Instant::now() + gw.config.routing.deadline;
    let began = Instant::now();
    let mut left = policy.max_retries;
    // Only the first attempt has a rival.
    let mut hedge = policy.hedge.filter(|_| left > 0 && hedge::suits(&exchange.case, &call));
    let mut last: Option<Setback> = None;
    loop {
        let may_follow = left > 0 && Instant::now() < end;
        let tried = match hedge.take() {
            Some(hedge) => {
                let raced = hedge::race(gw, &mut exchange, &call, &mut plan, policy, hedge).await;
                left = left.saturating_sub(raced.more);
                raced.tried
            }
            None => attempt(gw, (&exchange).into(), &call, &plan, may_follow.then_some(policy), Company::Alone).await,
        };
        let setback = match tried {
            Ok(begun) => {
                gw.telemetry.metrics.routing().took(began.elapsed());
                // A stream may last; the next call may find out how its upstream is.
                plan.detour.iter_mut().for_each(|detour| detour.permit = None);
                return Ok(begun.answered(gw, exchange, plan));
            }
            Err(setback) => setback,
        };
        let goes_on = match setback.trigger {
            Some(trigger) => may_follow && policy.fails_over_on(trigger) && pause(gw, &plan, policy, end).await,
            // It cannot even be asked: whoever comes next is no retry.
            None => leave_out(&exchange, &mut plan),
        };
        if setback.trigger.is_some() {
            left = left.saturating_sub(1);
        }
        // What was tried says more than what was not.
        if setback.trigger.is_some() || last.is_none() {
            last = Some(setback);
        }
        if !goes_on || !go_on(gw, &mut exchange, &mut call, &mut plan).await {
            break;
        }
    }
    match last {
        Some(setback) => setback.answered(exchange),
        None => Err(nobody()),
    }
}

/// A plan without candidates, which no stage makes.
fn nobody() -> GatewayError {
    GatewayError::new(ErrorCode::Internal, "the gateway failed").caused_by("a routed call without candidates")
}

/// Leaves out a candidate that has no words for what is asked. False if it was the last.
fn leave_out(exchange: &Exchange, plan: &mut Plan) -> bool {
    let Some(detour) = &mut plan.detour else { return false };
    exchange.case.skipped(&plan.target.model, &plan.target.provider, "invalid_request");
    detour.leave_out_present();
    detour.round().next().is_some()
}

/// Waits before the next attempt: as the policy says or, if every candidate rests, until the first one has rested. False if
/// that is too long.
async fn pause(gw: &Gateway, plan: &Plan, policy: &RoutingPolicy, end: Instant) -> bool {
    let Some(detour) = &plan.detour else { return false };
    let mut wait = retry::delay(Duration::from_millis(policy.retry_delay_ms.into()));
    if let Some(rest) = shortest_rest(gw, detour) {
        if rest > retry::MOST_WAIT {
            return false;
        }
        wait = wait.max(rest);
    }
    if Instant::now() + wait >= end {
        return false;
    }
    if !wait.is_zero() {
        sleep(wait).await;
    }
    true
}

/// How long it takes until the first candidate has rested; `None` if one does not rest.
fn shortest_rest(gw: &Gateway, detour: &Detour) -> Option<Duration> {
    let now = gw.clock.now();
    let mut shortest: Option<Duration> = None;
    for target in detour.targets() {
        let until = gw.health.rests_until(target)?;
        let rest = Duration::from_micros(u64::try_from(until.0.saturating_sub(now.0)).unwrap_or(0));
        shortest = Some(shortest.map_or(rest, |shortest| shortest.min(rest)));
    }
    shortest
}

/// Goes on to the next candidate that does not rest, fits its limits, and can be paid for. False if there is none.
async fn go_on(gw: &Gateway, exchange: &mut Exchange, call: &mut Call, plan: &mut Plan) -> bool {
    let Some(detour) = &mut plan.detour else { return false };
    // Whatever the last attempt found out, its breaker has heard.
    detour.permit = None;
    for left_out in detour.left_out.drain(..) {
        exchange.case.skipped(&left_out.model, &left_out.provider, left_out.error);
    }
    let round: Vec<(usize, Way)> = detour.round().map(|(at, way)| (at, way.clone())).collect();
    for (at, way) in round {
        if let Some(permit) = admitted(gw, exchange, &way)
            && take(gw, exchange, call, plan, &way).await
        {
            exchange.case.target.set(way.target);
            plan.go(at, permit);
            return true;
        }
    }
    false
}

/// Whether a candidate may be called, and with which right.
fn admitted(gw: &Gateway, exchange: &Exchange, way: &Way) -> Option<Option<Permit>> {
    match gw.health.admit(&way.target) {
        Admission::Free => Some(None),
        Admission::Probe(permit) => Some(Some(permit)),
        Admission::Resting(_) => {
            exchange.case.skipped(&way.target.model, &way.target.provider, RESTING);
            None
        }
    }
}

/// Takes what a candidate's own limits and the caller's budgets want for it, and gives back what the one before had.
async fn take(gw: &Gateway, exchange: &mut Exchange, call: &mut Call, plan: &Plan, way: &Way) -> bool {
    let (from, to) = (&plan.target, &way.target);
    if from.model_id == to.model_id {
        return true;
    }
    let case = std::sync::Arc::clone(&exchange.case);
    let taken = match reserve::top_up(gw, &case, call, to, None).await {
        Ok(demand) => final_gate::change_model(gw, exchange, call, from, to).await.map(|()| demand),
        Err(error) => Err(error),
    };
    match taken {
        Ok(demand) => {
            if let Some(demand) = demand {
                reserve::hold_to(&case, call, demand);
            }
            true
        }
        Err(error) => {
            case.skipped(&to.model, &to.provider, error.code.wire().1);
            false
        }
    }
}
