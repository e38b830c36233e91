//! Sets aside what the call may cost.

use std::sync::atomic::Ordering;

use entity::Timestamp;
use entity::pricing::Pricing;
use entity::usage::ReservationMark;
use entity::vocab::{Enforcement, LimitKind, Metric};

use super::Fitted;
use crate::auth::Principal;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::ledger::{Claim, Demand, Hold, Limit, Refused};
use crate::models::Target;
use crate::pipeline::case::{Case, Stage};
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::Plan;
use crate::pipeline::plan::detour::Detour;
use crate::providers::call::{Call, Output};
use crate::telemetry::metrics::Reservation;
use crate::usage::tokens;

/// Times that an answer is made shorter until it can be paid for. Each time the tightest budget known so far decides.
pub(super) const CUTS: usize = 4;
/// The window of a model that names none.
const USUAL_WINDOW: u64 = 128_000;

/// A request that is paid for.
pub struct Reserved {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) call: Call,
    pub(in crate::pipeline) plan: Plan,
    _sealed: (),
}

/// Sets aside what the call may consume of every budget and quota that applies to its caller.
///
/// # Errors
/// `budget_exceeded`, `quota_exceeded`, or `overloaded` while nobody can say what is left.
pub async fn reserve(gw: &Gateway, from: Fitted) -> Result<Reserved, GatewayError> {
    let Fitted { exchange, mut call, plan, .. } = from;
    let case = &exchange.case;
    if case.principal.get().is_some_and(|principal| !principal.limits.is_empty()) {
        // Boxed: a caller without budgets does not carry the future of those who have some.
        Box::pin(set_aside(gw, case, &mut call, &plan)).await?;
        case.mark(Stage::Reserve);
    }
    Ok(Reserved { exchange, call, plan, _sealed: () })
}

async fn set_aside(gw: &Gateway, case: &Case, call: &mut Call, plan: &Plan) -> Result<(), GatewayError> {
    let Some(principal) = case.principal.get() else { return Ok(()) };
    let mut fitting = Fitting { demand: most(gw, call, &plan.target), cuts: 0 };
    let dearest = match plan.detour.as_ref().filter(|detour| detour.has_choice()) {
        Some(detour) => dearest(gw, case, principal, call, detour).await?,
        None => None,
    };
    let (hold, marks) = match dearest {
        Some(reserved) => reserved,
        None => fitting.reserve(gw, case, principal, call, &plan.target).await?,
    };
    cap(call, principal, fitting.demand);
    if call.cap.is_some() && fitting.cuts > 0 {
        case.clamped_to.store(each(call, fitting.demand), Ordering::Relaxed);
    }
    for limit in &principal.limits {
        gw.telemetry.metrics.ledger().decided(limit.kind, Reservation::Made);
    }
    case.demand.set(fitting.demand);
    // This stage alone learns it.
    let _ = case.reservations.set(marks);
    case.hold(hold);
    Ok(())
}

type Set = (Hold, Vec<ReservationMark>);

/// Sets aside what the call may consume at whichever of its candidates consumes the most, of each budget and quota. `None`
/// if that is more than is left: then the first candidate alone decides, and more is set aside when another one's turn comes.
async fn dearest(
    gw: &Gateway,
    case: &Case,
    principal: &Principal,
    call: &Call,
    detour: &Detour,
) -> Result<Option<Set>, GatewayError> {
    let at = case.received_at;
    let mut claims: Vec<Claim> = Vec::new();
    for target in detour.targets() {
        let prices = target.prices(at).map(|(prices, _)| prices);
        let its = most(gw, call, target).claims(&principal.limits, prices);
        if claims.is_empty() {
            claims = its;
        } else {
            claims.iter_mut().zip(its).for_each(|(most, its)| most.amount = most.amount.max(its.amount));
        }
    }
    match gw.ledger.reserve(&claims, at).await {
        Ok(reserved) => Ok(Some(reserved)),
        Err(Refused::Spent { .. }) => Ok(None),
        Err(refused) => Err(unknown(gw, &principal.limits, &refused)),
    }
}

/// What is to be set aside for a call, made smaller until it fits.
struct Fitting {
    demand: Demand,
    cuts: usize,
}

impl Fitting {
    async fn reserve(
        &mut self,
        gw: &Gateway,
        case: &Case,
        principal: &Principal,
        call: &Call,
        target: &Target,
    ) -> Result<Set, GatewayError> {
        let (limits, at) = (&principal.limits, case.received_at);
        let prices = target.prices(at).map(|(prices, _)| prices);
        let mut counted = false;
        loop {
            let claims = self.demand.claims(limits, prices);
            let refused = match gw.ledger.reserve(&claims, at).await {
                Ok(reserved) => return Ok(reserved),
                Err(refused) => refused,
            };
            let Refused::Spent { limit, claimed, left, of, ends_at } = refused else {
                return Err(unknown(gw, limits, &refused));
            };
            if !counted {
                counted = true;
                let strict = limit.enforcement == Enforcement::Hard;
                let input = tokens::count(call, &target.slug, strict).await;
                if let Some(input) = input.filter(|it| *it < self.demand.input) {
                    self.demand.input = input;
                    case.estimated_prompt.store(u32::try_from(input).unwrap_or(u32::MAX), Ordering::Relaxed);
                    continue;
                }
            }
            if limit.enforcement == Enforcement::Hard
                && call.bound.output.can_be_capped()
                && self.cuts < CUTS
                && let Some(output) = affordable(prices, self.demand, left, call.bound.choices)
            {
                if let Some(why) = objection(call, target, output) {
                    gw.telemetry.metrics.ledger().decided(limit.kind, Reservation::Refused);
                    note(case, &limit, claimed, left, of, ends_at);
                    let mut error = spent(&limit, left, of, ends_at, at);
                    error.message = format!("{}: {why}", error.message).into();
                    return Err(error);
                }
                self.cuts += 1;
                self.demand.output = output;
                continue;
            }
            gw.telemetry.metrics.ledger().decided(limit.kind, Reservation::Refused);
            note(case, &limit, claimed, left, of, ends_at);
            return Err(spent(&limit, left, of, ends_at, at));
        }
    }
}

/// Sees to it that what is set aside pays for another candidate, and says what that may consume; `None` where nothing is
/// capped. `beside` is what goes on meanwhile, and must be paid for too.
///
/// # Errors
/// As [`reserve`]. What was set aside before stays.
pub(in crate::pipeline) async fn top_up(
    gw: &Gateway,
    case: &Case,
    call: &Call,
    target: &Target,
    beside: Option<(Demand, &Target)>,
) -> Result<Option<Demand>, GatewayError> {
    let capped = case.principal.get().filter(|principal| !principal.limits.is_empty());
    let Some(principal) = capped else { return Ok(None) };
    let at = case.received_at;
    let prices = target.prices(at).map(|(prices, _)| prices);
    let mut demand = most(gw, call, target);
    if let Some(cap) = call.cap.filter(|_| beside.is_some()) {
        // The body with its cap is the same for both.
        demand.output = demand.output.min(cap.saturating_mul(call.bound.choices));
    }
    let of_other = |metric| match beside {
        // However often it is tried, it is one request.
        Some(_) if metric == Metric::Requests => 0,
        Some((other, target)) => other.amount(metric, target.prices(at).map(|(prices, _)| prices)),
        None => 0,
    };
    let (mut counted, mut asked) = (false, false);
    loop {
        let wanted = |metric| demand.amount(metric, prices).saturating_add(of_other(metric));
        let grown = case.holding().as_mut().map(|hold| hold.top_up(wanted));
        let Some(Err(lack)) = grown else { break };
        if !asked {
            asked = true;
            gw.ledger
                .fetch(&lack, at)
                .await
                .map_err(|error| unknown(gw, &principal.limits, &Refused::Unknown(error)))?;
        } else if !counted {
            counted = true;
            let input = tokens::count(call, &target.slug, lack.limit.is_hard()).await;
            demand.input = input.map_or(demand.input, |input| input.min(demand.input));
        } else {
            return Err(spent(&lack.limit, 1, lack.of, lack.ends_at, at));
        }
    }
    Ok(Some(demand))
}

/// Holds the call to what it may consume at the candidate to which it goes on.
pub(in crate::pipeline) fn hold_to(case: &Case, call: &mut Call, demand: Demand) {
    if let Some(principal) = case.principal.get() {
        cap(call, principal, demand);
    }
    case.demand.set(demand);
}

/// Tokens of one answer.
fn each(call: &Call, demand: Demand) -> u64 {
    demand.output / call.bound.choices.max(1)
}

/// Holds the upstream of a caller with a hard budget to what was set aside, so that not even one answer passes the limit.
fn cap(call: &mut Call, principal: &Principal, demand: Demand) {
    let each = each(call, demand);
    let is_hard = principal.limits.iter().any(|limit| limit.enforcement == Enforcement::Hard);
    let asked_for_more = match call.bound.output {
        Output::None | Output::Fixed(_) => false,
        Output::Open => true,
        Output::Capped(asked) => asked > each,
    };
    call.cap = (is_hard && asked_for_more).then_some(each);
}

/// The most that a call may consume. No text has more tokens than bytes: that costs nothing to know, and is enough until a
/// limit comes near. Images count besides, for their bytes may be elsewhere; what the upstream adds by itself may fill the
/// model's whole window.
pub(super) fn most(gw: &Gateway, call: &Call, target: &Target) -> Demand {
    let open = target.config.max_output_tokens.unwrap_or(gw.config.ledger.default_output_tokens);
    let cap = call.bound.output.most(open.into());
    let mut input = call.bound.input;
    // What has no prompt to pay for has no images to pay for either.
    if input > 0 {
        input = input.saturating_add(tokens::of_images(call.text(), &target.slug));
        if call.operation.adds_input(call) {
            input = input.max(target.config.context_window.map_or(USUAL_WINDOW, u64::from));
        }
    }
    let is_sold_by_unit = target.pricing.as_ref().is_some_and(|prices| prices.unit.is_some())
        || target.price_changes.iter().any(|change| change.pricing.unit.is_some());
    let searched = if is_sold_by_unit { call.operation.own_units(call) } else { 0 };
    let units = call.bound.units.saturating_add(searched);
    Demand { input, output: cap.saturating_mul(call.bound.choices), units }
}

/// Why the upstream would not take the call with its answers cut to so many tokens in all, if it would not.
pub(super) fn objection(call: &Call, target: &Target, output: u64) -> Option<String> {
    let each = output / call.bound.choices.max(1);
    target.place().ok().and_then(|place| call.operation.objects_to_cap(call, &place, each))
}

/// How many tokens of output a budget still pays for, if that is fewer than were wanted and at least one an answer.
pub(super) fn affordable(prices: Option<&Pricing>, demand: Demand, left: i64, choices: u64) -> Option<u64> {
    let prices = prices?;
    let output = prices.affordable_output(demand.input, left.saturating_sub(demand.without_output().cost(prices)))?;
    let whole = output / choices * choices;
    (whole >= choices && whole < demand.output).then_some(whole)
}

fn note(case: &Case, limit: &Limit, estimate: i64, left: i64, of: i64, ends_at: Timestamp) {
    let mark = ReservationMark {
        kind: limit.kind,
        name: limit.name.clone(),
        metric: limit.metric,
        estimate,
        limit: of,
        left,
        ends_at,
        refused: true,
    };
    // This stage alone learns it.
    let _ = case.reservations.set(vec![mark]);
}

/// The error that says that a budget or quota has not enough left.
pub(in crate::pipeline) fn spent(
    limit: &Limit,
    left: i64,
    of: i64,
    ends_at: Timestamp,
    now: Timestamp,
) -> GatewayError {
    let (name, window) = (&limit.name, format!("its window ends at {ends_at}"));
    let (code, scope, message) = match limit.kind {
        LimitKind::Budget if left <= 0 => {
            (ErrorCode::BudgetExceeded, "budget", format!("the budget {name} is spent; {window}"))
        }
        LimitKind::Budget => {
            let message = format!("what is left of the budget {name} does not pay for this request; {window}");
            (ErrorCode::BudgetExceeded, "budget", message)
        }
        LimitKind::Quota if left <= 0 => {
            (ErrorCode::QuotaExceeded, "quota", format!("the quota {name} ({}) is used up; {window}", limit.metric))
        }
        LimitKind::Quota => {
            let message = format!("what is left of the quota {name} ({}) is too little; {window}", limit.metric);
            (ErrorCode::QuotaExceeded, "quota", message)
        }
    };
    let seconds = u32::try_from((ends_at.0 - now.0).max(0) / 1_000_000 + 1).unwrap_or(u32::MAX);
    GatewayError::new(code, message).limited(scope, u64::try_from(of).ok()).retry_after(seconds)
}

fn unknown(gw: &Gateway, limits: &[std::sync::Arc<Limit>], refused: &Refused) -> GatewayError {
    if let Some(limit) = limits.first() {
        gw.telemetry.metrics.ledger().decided(limit.kind, Reservation::Unknown);
    }
    let cause = match refused {
        Refused::Unknown(error) => error.clone(),
        Refused::Spent { .. } => String::new(),
    };
    GatewayError::new(ErrorCode::Overloaded, "nobody can say at present what is left of this caller's budgets")
        .retry_after(1)
        .caused_by(cause)
}
