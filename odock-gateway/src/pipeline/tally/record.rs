//! Writes the one record of a request: to the journal, to whoever watches, to metrics and to the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use entity::pricing::Bill;
use entity::usage::{Attempt, RoutingTrace, TokenUsage, UsageMetadata, UsageRecord};
use entity::vocab::{Outcome, RoutingDecision, UsageSource};

use super::settle::Ending;
use crate::auth::Principal;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::models::Target;
use crate::pipeline::case::{Case, Stage};
use crate::usage::estimate;

/// Leaves the record of a request that has ended, and charges what it consumed in place of what it had set aside.
pub(super) fn leave(gw: &Gateway, case: &Case, ending: Ending, cause: Option<&GatewayError>) {
    let total = case.elapsed_us();
    let overhead = total.saturating_sub(case.upstream_us(total));
    let status = ending.status;
    gw.telemetry.metrics.route(case.endpoint).finished(
        status,
        Duration::from_micros(total.into()),
        Duration::from_micros(overhead.into()),
    );
    log(gw, case, &ending, cause, total, overhead);
    let hold = case.holding().take();
    drop(case.claim().take());
    let Some(principal) = case.principal.get() else { return };
    let metadata = metadata(case);
    let trace = trace(case, case.take_attempts());
    let record = record(case, principal, ending, (total, overhead), trace, metadata);
    if let Some(target) = case.target.get() {
        gw.telemetry.metrics.provider(target.provider_type.as_str(), case.call_name()).tokens(&record.tokens);
    }
    if case.asked_for.get().is_some() {
        count(gw, &record);
    }
    // What was not sent costs nothing: the hold is dropped, and with it everything is given back.
    if let Some(hold) = hold.filter(|_| record.dispatched) {
        hold.settle(&record);
    }
    gw.limits.settle(&case.limits, record.tokens.total);
    gw.usage.closed(&record);
    if gw.live.is_wanted() {
        gw.live.finished(&Arc::new(record));
    }
}

/// Notes that a request goes to its upstream: from now on it must not be sent again, and if it has set anything aside, it is
/// charged for that even if this process dies.
pub(in crate::pipeline) fn sent(gw: &Gateway, case: &Case) {
    if let Some(claim) = case.claim().as_mut() {
        claim.sent();
    }
    let mut holding = case.holding();
    let Some(hold) = holding.as_mut().filter(|hold| !hold.is_empty()) else { return };
    let Some(interrupted) = interrupted(case) else { return };
    gw.usage.opened(&interrupted);
    hold.sent(&interrupted);
    case.journaled.store(true, Ordering::Relaxed);
}

/// Notes that a request goes on to another upstream: what it is charged if this process dies is what that one may consume.
pub(in crate::pipeline) fn sent_on(gw: &Gateway, case: &Case) {
    if let Some(claim) = case.claim().as_mut() {
        claim.sent();
    }
    if !case.journaled.load(Ordering::Relaxed) {
        return;
    }
    let Some(interrupted) = interrupted(case) else { return };
    gw.usage.opened(&interrupted);
    gw.ledger.sent_on(&interrupted);
}

/// Notes that an answer begins: if this process dies, there is a record of it.
pub(in crate::pipeline) fn begin(gw: &Gateway, case: &Case) {
    if case.journaled.load(Ordering::Relaxed) {
        return;
    }
    if let Some(interrupted) = interrupted(case) {
        gw.usage.opened(&interrupted);
    }
}

/// The record that a request leaves if this process dies.
fn interrupted(case: &Case) -> Option<Arc<UsageRecord>> {
    let principal = case.principal.get()?;
    let error = GatewayError::new(ErrorCode::Internal, "the gateway stopped before the answer was complete");
    let ending = Ending::interrupted(&error);
    let total = case.elapsed_us();
    // Hardly ever read, and written before every request that sets something aside: without what it can do without.
    let metadata = UsageMetadata { client_address: Some(case.client.to_string()), ..UsageMetadata::default() };
    let overhead = total.saturating_sub(case.upstream_us(total));
    let trace = trace(case, case.attempts());
    Some(Arc::new(record(case, principal, ending, (total, overhead), trace, metadata)))
}

fn record(
    case: &Case,
    principal: &Principal,
    ending: Ending,
    (total, overhead): (u32, u32),
    routing: RoutingTrace,
    metadata: UsageMetadata,
) -> UsageRecord {
    let target = case.target.get();
    let (tokens, usage_source, provider_usage) = consumed(case, &ending);
    let bill = target
        .as_ref()
        .filter(|_| usage_source != UsageSource::Missing)
        .and_then(|target| target.bill(&tokens, case.received_at));
    let bill = match (bill, case.overtaken.get()) {
        (Some(bill), Some(overtaken)) => Some(bill.with_overtaken(overtaken)),
        (None, Some(overtaken)) => Some(Bill::of_overtaken(overtaken)),
        (bill, None) => bill,
    };
    let (error_code, error_message) =
        ending.error.map_or((None, None), |(code, message)| (Some(code.into()), Some(storable(&message))));
    UsageRecord {
        id: case.record_id,
        request_id: case.request_id().to_owned(),
        trace_id: case.trace_id.clone(),
        at: case.received_at,
        organisation_id: principal.organisation_id,
        organisation: principal.organisation.clone(),
        team_id: principal.team.as_ref().map(|(id, _)| *id),
        team: principal.team.as_ref().map(|(_, name)| name.clone()),
        user_id: principal.user.as_ref().map(|(id, _)| *id),
        user: principal.user.as_ref().map(|(_, email)| email.clone()),
        api_key_id: principal.key_id,
        api_key: principal.key.clone(),
        provider_id: target.as_ref().map(|target| target.provider_id),
        provider: target.as_ref().map(|target| target.provider.clone()),
        model_id: target.as_ref().map(|target| target.model_id),
        model: served_by(case, target.as_deref()),
        endpoint: case.endpoint.into(),
        stream: case.stream.load(Ordering::Relaxed),
        outcome: ending.outcome,
        dispatched: case.reached(Stage::Dispatch).is_some(),
        status: ending.status,
        error_code,
        cost_nanos: bill.as_ref().map(|bill| bill.total_nanos),
        bill,
        latency_us: total.into(),
        first_byte_us: case.reached(Stage::FirstByte).map(Into::into),
        overhead_us: overhead.into(),
        provider_request_id: case.provider_request_id.get(),
        provider_usage,
        routing,
        metadata: UsageMetadata {
            error_message,
            usage_mismatch: usage_source == UsageSource::Reported && !tokens.adds_up(),
            ..metadata
        },
        tokens,
        usage_source,
    }
}

/// The model that served; of a call that is not routed, the one that was asked for, in the caller's words.
fn served_by(case: &Case, target: Option<&Target>) -> Option<String> {
    match target.filter(|_| case.is_rerouted()) {
        Some(target) => Some(target.model.clone()),
        None => case.model.get().cloned(),
    }
}

/// How the request found its upstream.
fn trace(case: &Case, attempts: Vec<Attempt>) -> RoutingTrace {
    let is_rerouted = case.is_rerouted();
    RoutingTrace {
        decision: if is_rerouted { RoutingDecision::Rerouted } else { RoutingDecision::Direct },
        requested: case.model.get().filter(|_| is_rerouted).cloned(),
        attempts,
    }
}

/// Counts a routed request that has ended.
fn count(gw: &Gateway, record: &UsageRecord) {
    let metrics = gw.telemetry.metrics.routing();
    metrics.decided(record.routing.decision);
    record.routing.attempts.iter().for_each(|attempt| metrics.attempted(attempt.outcome));
    if record.outcome == Outcome::Failed {
        metrics.failed();
    }
}

/// What is known besides of a request that has ended.
fn metadata(case: &Case) -> UsageMetadata {
    UsageMetadata {
        stages: case.stages(),
        inbound_request_id: case.refused_id().map(Into::into),
        client_address: Some(case.client.to_string()),
        limits: case.limits.marks(),
        reservations: case.reservations.get().cloned().unwrap_or_default(),
        clamped_to: Some(case.clamped_to.load(Ordering::Relaxed)).filter(|cap| *cap > 0),
        replay_of: case.replay_of.get().cloned(),
        ..UsageMetadata::default()
    }
}

/// A text without the one character that Postgres cannot store. Messages quote callers and upstreams.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// What was consumed: what the provider reported, or an estimate of what was delivered if it reported nothing.
fn consumed(case: &Case, ending: &Ending) -> (TokenUsage, UsageSource, Option<serde_json::Value>) {
    if let Some(reported) = &ending.reported {
        return (reported.tokens.clone(), UsageSource::Reported, reported.raw.clone());
    }
    // Whoever leaves before the answer is there does not thereby get it for nothing: the upstream may have made all of it.
    let unconfirmed = ending.unconfirmed && case.reached(Stage::Dispatch).is_some() && case.demand.get().is_some();
    if !ending.delivered && !unconfirmed {
        return (TokenUsage::default(), UsageSource::Missing, None);
    }
    let (output, units) = match case.demand.get().filter(|_| unconfirmed) {
        Some(demand) => (demand.output, demand.units),
        None => (estimate::tokens(ending.content_bytes), 0),
    };
    let tokens = match (&ending.prompt, case.operation.get()) {
        // A stream that was cut has said what its prompt came to.
        (Some(prompt), _) => {
            let total = prompt.input().saturating_add(output);
            TokenUsage { output_text: output, units, total, ..prompt.clone() }
        }
        (None, Some(operation)) => {
            let input = u64::from(case.estimated_prompt.load(Ordering::Relaxed));
            TokenUsage { units, ..operation.estimated(input, output) }
        }
        (None, None) => TokenUsage::default(),
    };
    (tokens, UsageSource::Estimated, None)
}

fn log(gw: &Gateway, case: &Case, ending: &Ending, cause: Option<&GatewayError>, total: u32, overhead: u32) {
    let code = ending.error.as_ref().map_or("", |(code, _)| *code);
    if let Some(cause) = cause.and_then(GatewayError::cause) {
        tracing::warn!(request.id = case.request_id(), code, cause, "a request failed");
    }
    if !gw.config.log.access {
        return;
    }
    let principal = case.principal.get();
    let target = case.target.get();
    tracing::event!(
        target: "odock::access",
        tracing::Level::INFO,
        request.id = case.request_id(),
        organisation = principal.map_or("", |principal| principal.organisation.as_str()),
        api_key = principal.map_or("", |principal| principal.key.as_str()),
        model = case.model.get().map_or("", String::as_str),
        provider = target.as_ref().map_or("", |target| target.provider.as_str()),
        route = case.endpoint,
        status = ending.status,
        outcome = outcome(ending.outcome),
        code,
        duration_us = total,
        overhead_us = overhead,
        "request"
    );
}

const fn outcome(outcome: Outcome) -> &'static str {
    outcome.as_str()
}
