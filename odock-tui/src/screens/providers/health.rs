//! How a provider is doing: what its breakers say, and its requests of the last minute.

use entity::health::BreakerStatus;
use entity::resource::Provider;
use entity::usage::UsageRecord;
use entity::vocab::{BreakerState, Outcome};

use crate::format;
use crate::model::Model;
use crate::theme::Role;

/// How far back requests count.
const MINUTE_US: i64 = 60_000_000;
/// Requests that are looked at, at the most.
const LATEST: usize = 2_000;

/// How a provider is doing, in a glyph and a word.
pub(super) struct State {
    pub(super) text: String,
    pub(super) role: Role,
}

fn state(text: impl Into<String>, role: Role) -> State {
    State { text: text.into(), role }
}

/// How a provider is doing. The worst of its models decides.
pub(super) fn of(model: &Model, provider: &Provider) -> State {
    let breakers: Vec<&BreakerStatus> = breakers(model, provider).collect();
    let rests = |it: &&&BreakerStatus| it.state == BreakerState::Open;
    let spec = &provider.spec;
    if !spec.enabled {
        return state("◌ off", Role::Muted);
    }
    if !spec.keys.is_empty() && spec.keys.iter().all(|key| key.revoked) {
        return state("✖ no key", Role::Bad);
    }
    if let Some(resting) = breakers.iter().filter(rests).max_by_key(|it| it.resting_until) {
        let left = resting.resting_until.map_or(0, |until| until.0.saturating_sub(model.env.now.0).max(0) / 1_000);
        return state(format!("✖ rests {}", format::age(u64::try_from(left).unwrap_or(0))), Role::Bad);
    }
    if breakers.iter().any(|it| it.state == BreakerState::HalfOpen) {
        return state("▲ probing", Role::Warn);
    }
    if breakers.iter().any(|it| it.failures > 0) {
        return state("▲ failing", Role::Warn);
    }
    state("● ok", Role::Ok)
}

/// The models of a provider whose calls have failed lately: as the stream says, or as they were when they were fetched.
pub(super) fn breakers<'a>(model: &'a Model, provider: &'a Provider) -> impl Iterator<Item = &'a BreakerStatus> {
    let streamed = model.live.ticks.latest().is_some();
    let all = if streamed { model.live.ticks.breakers() } else { provider.status.breakers.as_slice() };
    all.iter().filter(|breaker| breaker.provider == provider.name)
}

/// What the requests of the last minute say of a provider.
#[derive(Debug, Default)]
pub(super) struct Minute {
    pub(super) requests: u64,
    pub(super) failed: u64,
    /// The median of what the upstream took, in microseconds.
    pub(super) median_us: u64,
    /// The latest failure: its code.
    pub(super) last_error: Option<String>,
}

/// What the requests of the last minute say of a provider, as far as they are here.
pub(super) fn minute(model: &Model, provider: &str) -> Minute {
    let since = model.env.now.0 - MINUTE_US;
    let recent = model.live.requests.iter().rev().take(LATEST).map(|(_, record)| record.as_ref());
    let its = recent.filter(|record| record.at.0 >= since && record.dispatched);
    let mut minute = Minute::default();
    let mut took: Vec<u64> = Vec::new();
    for record in its.filter(|record| record.provider.as_deref() == Some(provider)) {
        minute.requests += 1;
        took.push(record.latency_us.saturating_sub(record.overhead_us));
        if record.outcome == Outcome::Failed {
            minute.failed += 1;
            if minute.last_error.is_none() {
                minute.last_error = Some(why(record));
            }
        }
    }
    if !took.is_empty() {
        let middle = took.len() / 2;
        minute.median_us = *took.select_nth_unstable(middle).1;
    }
    minute
}

fn why(record: &UsageRecord) -> String {
    let code = record.error_code.as_deref().unwrap_or("failed");
    format!("{} {code}", record.status)
}
