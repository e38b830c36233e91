//! Asks a second upstream when the first takes longer than it usually does. Whichever answers first serves; a stream has
//! answered with its first content. The other is cancelled.
//!
//! Both are paid for beforehand. What the overtaken one had read is on the bill, on lines of its own: it had sent nothing that
//! anyone could have used, and what it made and had not sent yet nobody can know.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use entity::routing::{Hedge, RoutingPolicy};
use tokio::time::{Instant, sleep_until};

use super::attempt::{Begun, Sent, Setback, attempt};
use super::attempting::Company;
use crate::gateway::Gateway;
use crate::ledger::Demand;
use crate::limits::Lease;
use crate::models::Target;
use crate::pipeline::case::Case;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::detour::Way;
use crate::pipeline::plan::{Plan, final_gate, reserve};
use crate::providers::call::{Call, Output};
use crate::routing::Admission;
use crate::telemetry::metrics::Served;

/// What came of an attempt that may have had a rival.
pub(super) struct Raced {
    pub(super) tried: Result<Begun, Setback>,
    /// Attempts besides the first.
    pub(super) more: u32,
}

/// Whether a call may be made twice at once: one that makes text or vectors, of which an answer that nobody waits for is not
/// made to its end, and that no budget had to cut short.
pub(super) fn suits(case: &Case, call: &Call) -> bool {
    let is_text = call.bound.output.can_be_capped() || (call.bound.output == Output::None && call.bound.input > 0);
    is_text && call.bound.units == 0 && case.clamped_to.load(Ordering::Relaxed) == 0
}

/// The second upstream, with everything that was taken for it.
struct Second {
    at: usize,
    plan: Plan,
    lease: Option<Lease>,
    demand: Option<Demand>,
}

/// Calls the plan's upstream and, if it takes its time, another one. The plan goes to whichever serves.
pub(super) async fn race(
    gw: &Gateway,
    exchange: &mut Exchange,
    call: &Call,
    plan: &mut Plan,
    policy: &RoutingPolicy,
    hedge: Hedge,
) -> Raced {
    let began = Instant::now();
    let case = Arc::clone(&exchange.case);
    let mut second: Option<Second> = None;
    let raced = {
        let sent = Sent::from(&*exchange);
        let mut first = pin!(attempt(gw, sent, call, plan, Some(policy), Company::Rivals));
        let mut done = None;
        if let Some(wait) = wait(gw, plan, call, hedge) {
            tokio::select! {
                biased;
                tried = &mut first => done = Some(tried),
                taken = prepare(gw, &case, call, plan, began + wait) => second = taken,
            }
        }
        match (done, &second) {
            (Some(tried), _) => (tried, None),
            (None, None) => (first.await, None),
            (None, Some(other)) => {
                announce(&case, call, plan, other);
                let other = pin!(attempt(gw, sent, call, &other.plan, Some(policy), Company::Rivals));
                let (tried, served) = both(first, other).await;
                (tried, Some(served))
            }
        }
    };
    let (tried, served) = raced;
    if tried.is_ok() || served == Some(Served::Second) {
        // Of one that was given up it is known that it took longer than this.
        gw.health.took(&plan.target, call.stream, began.elapsed());
    }
    let Some((second, served)) = second.zip(served) else { return Raced { tried, more: 0 } };
    gw.telemetry.metrics.routing().hedged(served);
    settle(gw, exchange, call, plan, second, served);
    Raced { tried, more: 1 }
}

/// How long the first upstream is waited for; `None` while nobody knows what is usual.
fn wait(gw: &Gateway, plan: &Plan, call: &Call, hedge: Hedge) -> Option<Duration> {
    let usual = gw.health.percentile(&plan.target, call.stream, hedge.percentile)?;
    Some(usual.max(Duration::from_millis(hedge.min_delay_ms.into())))
}

/// Waits, and then takes what a second upstream wants; never comes back if there is none that could be asked.
async fn prepare(gw: &Gateway, case: &Case, call: &Call, plan: &Plan, at: Instant) -> Option<Second> {
    sleep_until(at).await;
    let round: Vec<(usize, Way)> =
        plan.detour.iter().flat_map(|detour| detour.round()).map(|(at, way)| (at, way.clone())).collect();
    for (at, Way { target, uri, credential }) in round {
        if target.model_id == plan.target.model_id || !matches!(gw.health.admit(&target), Admission::Free) {
            continue;
        }
        match take(gw, case, call, plan, &target).await {
            Ok((lease, demand)) => {
                let plan = Plan { target, uri, credential, detour: None, patience: plan.patience };
                return Some(Second { at, plan, lease, demand });
            }
            Err(error) => case.skipped(&target.model, &target.provider, error.code.wire().1),
        }
    }
    None
}

/// Takes what a second upstream wants, beside what the first one has.
async fn take(
    gw: &Gateway,
    case: &Case,
    call: &Call,
    plan: &Plan,
    target: &Target,
) -> Result<(Option<Lease>, Option<Demand>), crate::error::GatewayError> {
    let beside = case.demand.get().map(|demand| (demand, &*plan.target));
    let demand = reserve::top_up(gw, case, call, target, beside).await?;
    Ok((final_gate::add_model(gw, case, call, target).await?, demand))
}

/// Notes that two upstreams are asked: what is charged if this process dies now is what both may consume.
fn announce(case: &Case, call: &Call, plan: &Plan, second: &Second) {
    // Whatever comes of one, the other may have done what was asked.
    case.is_uncertain();
    let (Some(one), Some(other)) = (case.demand.get(), second.demand) else { return };
    let cost = |demand: Demand, target: &Target| demand.amount(entity::vocab::Metric::Cost, price(case, target));
    if cost(other, &second.plan.target) > cost(one, &plan.target) {
        case.target.set(Arc::clone(&second.plan.target));
    }
    let sum = |a: u64, b: u64| a.saturating_add(b);
    let (input, output) = (sum(one.input, other.input), sum(one.output, other.output));
    case.demand.set(Demand { input, output, units: call.bound.units });
}

fn price<'t>(case: &Case, target: &'t Target) -> Option<&'t entity::pricing::Pricing> {
    target.prices(case.received_at).map(|(prices, _)| prices)
}

/// Waits for whichever answers first; for both, if the one that is done first has failed.
async fn both(
    mut first: std::pin::Pin<&mut impl Future<Output = Result<Begun, Setback>>>,
    mut second: std::pin::Pin<&mut impl Future<Output = Result<Begun, Setback>>>,
) -> (Result<Begun, Setback>, Served) {
    let (tried, rest_is_first) = tokio::select! {
        biased;
        tried = &mut first => (tried, false),
        tried = &mut second => (tried, true),
    };
    match (tried, rest_is_first) {
        (Ok(begun), false) => (Ok(begun), Served::First),
        (Ok(begun), true) => (Ok(begun), Served::Second),
        (Err(_), true) => match first.await {
            Ok(begun) => (Ok(begun), Served::First),
            Err(setback) => (Err(setback), Served::Neither),
        },
        (Err(_), false) => match second.await {
            Ok(begun) => (Ok(begun), Served::Second),
            Err(setback) => (Err(setback), Served::Neither),
        },
    }
}

/// Gives back what the upstream had taken that does not serve, and puts what it had read on the bill.
fn settle(gw: &Gateway, exchange: &mut Exchange, call: &Call, plan: &mut Plan, second: Second, served: Served) {
    let case = Arc::clone(&exchange.case);
    let Second { at, plan: other, lease, demand } = second;
    let one = case.demand.get();
    let first = Arc::clone(&plan.target);
    // Both were added up; what is left is what the one that serves may consume.
    let of_first = one.zip(demand).map(|(sum, other)| Demand {
        input: sum.input.saturating_sub(other.input),
        output: sum.output.saturating_sub(other.output),
        units: call.bound.units,
    });
    let overtaken = if served == Served::Second {
        exchange.guards.model = lease;
        gw.limits.leave_model(first.model_id, &case.limits);
        plan.go(at, None);
        first
    } else {
        drop(lease);
        gw.limits.leave_model(other.target.model_id, &case.limits);
        other.target
    };
    case.target.set(Arc::clone(&plan.target));
    if let Some(demand) = if served == Served::Second { demand } else { of_first } {
        case.demand.set(demand);
    }
    if was_overtaken(&case, &overtaken) {
        let prompt = u64::from(case.estimated_prompt.load(Ordering::Relaxed));
        if let Some(bill) = overtaken.bill(&call.operation.estimated(prompt, 0), case.received_at) {
            // There is one race a request.
            let _ = case.overtaken.set(bill);
        }
    }
}

/// Whether an attempt was given up for the sake of the other: one that failed by itself costs nothing.
fn was_overtaken(case: &Case, target: &Target) -> bool {
    let given_up = entity::vocab::AttemptOutcome::Cancelled;
    case.attempts().iter().any(|it| it.outcome == given_up && it.model == target.model)
}
