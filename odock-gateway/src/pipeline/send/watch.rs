//! Ends streams whose callers may not go on: the key or what it may call was taken away, or a budget is spent.
//!
//! Each round costs a few atomic loads a stream. Only where something has changed is anything looked up again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use entity::vocab::LimitKind;
use entity::{ProviderKeyId, WindowId};
use futures_util::future::join_all;
use tokio::time::{MissedTickBehavior, interval};

use super::live::{Facts, Live};
use crate::auth::{AuthError, Principal};
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::ledger::{Demand, Hold, Part};
use crate::models::{KeyRef, Target};
use crate::pipeline::admit::authenticate::refusal;
use crate::pipeline::case::Case;
use crate::pipeline::plan::reserve::spent;
use crate::pipeline::plan::route;
use crate::store;

/// The pause between rounds, if nothing asks for one.
const ROUND: Duration = Duration::from_millis(250);
/// How often the books are asked how the streams' budgets stand.
const BOOKS: Duration = Duration::from_millis(500);
/// Callers that are looked up at once.
const AT_ONCE: usize = 64;
/// Tokens of output that are set aside at once for a stream that delivers more than was expected.
const STEP: u64 = 64;

/// Watches over the streams under way until the gateway stops.
pub async fn watch(gw: Gateway) {
    let watching = async { tokio::join!(callers(&gw), budgets(&gw)) };
    gw.stopping.run_until_cancelled(watching).await;
}

/// Sees to it that callers still may call.
async fn callers(gw: &Gateway) {
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = round.tick() => {}
            () = gw.streams.changed.notified() => {}
        }
        let mut due = gw.streams.all();
        due.retain(|live| is_due(gw, live));
        for some in due.chunks(AT_ONCE) {
            join_all(some.iter().map(|live| check(gw, live))).await;
        }
    }
}

/// Whether something has changed that the stream's caller depends on.
fn is_due(gw: &Gateway, live: &Live) -> bool {
    let facts = live.facts();
    !live.has_ended() && facts.as_ref().is_none_or(|facts| is_stale(gw, facts))
}

/// Whether these may no longer be the facts. While changes cannot be heard, anything may have changed.
fn is_stale(gw: &Gateway, Facts { stamp, principal }: &Facts) -> bool {
    let expired = principal.expires_at.is_some_and(|end| end <= gw.clock.now());
    expired || !gw.epochs.is_fresh(stamp) || !gw.hot.bus_is_up()
}

async fn check(gw: &Gateway, live: &Live) {
    match look(gw, &live.case).await {
        Ok(Ok(facts)) => *live.facts() = Some(facts),
        Ok(Err(error)) => live.end(error),
        // Whoever cannot be asked now is asked in the next round.
        Err(Unknown) => {}
    }
}

/// Looks up a caller anew: the facts as they are, or why it may not go on.
async fn look(gw: &Gateway, case: &Case) -> Result<Result<Facts, GatewayError>, Unknown> {
    let mark = gw.epochs.mark();
    let (Some(target), Some(hash)) = (case.target.get(), case.key_hash.get()) else { return Err(Unknown) };
    let principal = match gw.auth.principal(hash).await {
        Ok(principal) => principal,
        Err(AuthError::Unavailable(_)) => return Err(Unknown),
        Err(AuthError::Unknown) => {
            let message = "the API key was deleted, or its secret was replaced";
            return Ok(Err(GatewayError::new(ErrorCode::ApiKeyRevoked, message)));
        }
        Err(error) => return Ok(Err(refusal(error))),
    };
    if let Some(error) = objection(gw, &principal, &target).await? {
        return Ok(Err(error));
    }
    take_up(gw, &principal, case).await?;
    let mut subjects = vec![principal.organisation_id.0, principal.key_id.0, target.model_id.0, target.provider_id.0];
    subjects.extend(principal.team.as_ref().map(|(id, _)| id.0));
    subjects.extend(principal.user.as_ref().map(|(id, _)| id.0));
    Ok(Ok(Facts { stamp: gw.epochs.stamp(mark, &subjects), principal }))
}

/// Waits until the caller of a job may no longer have it done, and says why.
pub(in crate::pipeline) async fn withdrawn(gw: &Gateway, case: &Case) -> GatewayError {
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known: Option<Facts> = None;
    loop {
        round.tick().await;
        if known.as_ref().is_some_and(|facts| !is_stale(gw, facts)) {
            continue;
        }
        match look(gw, case).await {
            Ok(Ok(facts)) => known = Some(facts),
            Ok(Err(error)) => return error,
            Err(Unknown) => {}
        }
    }
}

/// Nobody can say at present.
struct Unknown;

/// Why a caller may no longer use what serves it, if so. A model or provider that only got another name, address or price
/// is no reason.
async fn objection(gw: &Gateway, principal: &Principal, used: &Target) -> Result<Option<GatewayError>, Unknown> {
    let ended = |code, message: String| Ok(Some(GatewayError::new(code, message)));
    let model = &used.model;
    if !principal.models.values().any(|id| *id == used.model_id) {
        return ended(ErrorCode::ModelNotAllowed, format!("this API key may no longer call the model \"{model}\""));
    }
    let Some(target) = gw.models.target(used.model_id).await.map_err(|_| Unknown)? else {
        return ended(ErrorCode::ModelNotAllowed, format!("the model \"{model}\" was deleted"));
    };
    if let Err(error) = route::callable(&target) {
        let stops = matches!(
            error.code,
            ErrorCode::ProviderDisabled | ErrorCode::ProviderApiKeyRevoked | ErrorCode::ProviderApiKeyNotConfigured
        );
        return Ok(Some(error).filter(|_| stops));
    }
    if let Some(before) = key_of(used).filter(|key| key_of(&target) != Some(*key)) {
        let usable = store::provider_keys::is_usable(gw.database.reader(), before).await.map_err(|_| Unknown)?;
        if !usable {
            let provider = &used.provider;
            let message = format!("the API key of the provider {provider} that this stream uses was revoked");
            return ended(ErrorCode::ProviderApiKeyRevoked, message);
        }
    }
    Ok(None)
}

fn key_of(target: &Target) -> Option<ProviderKeyId> {
    match &target.key {
        Ok(KeyRef::Sealed(id, _)) => Some(*id),
        _ => None,
    }
}

/// Brings budgets and quotas that were edited to the windows of which the stream has set something aside.
async fn take_up(gw: &Gateway, principal: &Principal, case: &Case) -> Result<(), Unknown> {
    for part in parts(case) {
        let newer = |limit: &&Arc<_>| is_newer(limit, &part);
        if let Some(limit) = principal.limits.iter().find(newer) {
            gw.ledger.take_up(limit, case.received_at).await.map_err(|_| Unknown)?;
        }
    }
    Ok(())
}

fn is_newer(limit: &crate::ledger::Limit, part: &Part) -> bool {
    limit.id == part.limit.id && limit.revision > part.limit.revision
}

fn parts(case: &Case) -> Vec<Part> {
    case.holding().as_ref().map(Hold::parts).unwrap_or_default()
}

/// Sees to it that what streams deliver is paid for.
async fn budgets(gw: &Gateway) {
    let mut round = interval(BOOKS);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            _ = round.tick() => true,
            () = gw.streams.overrun.notified() => false,
        };
        let live = gw.streams.all();
        for live in live.iter().filter(|live| live.is_over() && !live.has_ended()) {
            extend(gw, live).await;
        }
        if asked && let Err(error) = end_spent(gw, &live).await {
            tracing::debug!(%error, "could not ask how the budgets of streams stand");
        }
    }
}

/// Sets more aside for a stream that delivers more than was expected. What strict budgets do not pay for is not delivered.
async fn extend(gw: &Gateway, live: &Live) {
    let case = &live.case;
    let (Some(demand), Some(target)) = (case.demand.get(), case.target.get()) else { return };
    let prices = target.prices(case.received_at).map(|(prices, _)| prices);
    let output = live.output() + STEP;
    let wanted = Demand { output, ..demand };
    let try_it = || case.holding().as_mut().map(|hold| hold.extend(|metric| wanted.amount(metric, prices)));
    for is_last in [false, true] {
        let lack = match try_it() {
            Some(Err(lack)) => lack,
            Some(Ok(())) => return live.paid_for(output),
            None => return,
        };
        if !is_last {
            if let Err(error) = gw.ledger.fetch(&lack, case.received_at).await {
                tracing::debug!(%error, limit = %lack.limit.name, "nobody can say what is left for a stream");
                return live.look_after(STEP);
            }
        } else if live.is_over_for_sure() {
            live.end(spent(&lack.limit, 0, lack.of, lack.ends_at, gw.clock.now()));
        }
    }
    live.look_after(1);
}

/// Ends streams of which a budget or quota is spent: its limit was lowered, or something ran over it.
async fn end_spent(gw: &Gateway, live: &[Arc<Live>]) -> Result<(), sea_orm::DbErr> {
    let mut windows: BTreeMap<WindowId, Vec<(&Live, Part)>> = BTreeMap::new();
    for live in live.iter().filter(|live| !live.has_ended()) {
        for part in parts(&live.case).into_iter().filter(|part| binds(live, part)) {
            windows.entry(part.window).or_default().push((live, part));
        }
    }
    if windows.is_empty() {
        return Ok(());
    }
    let ids: Vec<WindowId> = windows.keys().copied().collect();
    for (id, used, of) in gw.ledger.figures(&ids).await? {
        let streams = windows.remove(&id).unwrap_or_default();
        // What streams have delivered is not on the books yet. No more is counted than they have set aside, which together
        // with what is used fits, unless the limit was lowered.
        let so_far = streams.iter().fold(0_i64, |sum, (live, part)| sum.saturating_add(so_far(live, part)));
        if used >= of || used.saturating_add(so_far) > of {
            for (live, part) in streams {
                live.end(spent(&part.limit, 0, of, part.ends_at, gw.clock.now()));
            }
        }
    }
    Ok(())
}

/// Whether a stream must end when the window is spent: it has set something aside of it, and the limit still applies.
fn binds(live: &Live, part: &Part) -> bool {
    let strict = part.limit.is_hard() || part.limit.kind == LimitKind::Quota;
    let applies = |facts: &Facts| facts.principal.limits.iter().any(|limit| limit.id == part.limit.id);
    strict && part.amount > 0 && live.facts().as_ref().is_none_or(applies)
}

/// What a stream has consumed of a strict budget so far, as far as can be estimated.
fn so_far(live: &Live, part: &Part) -> i64 {
    if !part.limit.is_hard() {
        return 0;
    }
    let case = &live.case;
    let Some(target) = case.target.get() else { return 0 };
    let prices = target.prices(case.received_at).map(|(prices, _)| prices);
    let input = case.estimated_prompt.load(std::sync::atomic::Ordering::Relaxed).into();
    Demand { input, output: live.output(), units: 0 }.amount(part.limit.metric, prices).min(part.amount)
}
