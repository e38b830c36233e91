//! Smart routing and circuit breakers.

use std::collections::BTreeMap;

use entity::vocab::{AttemptOutcome, BreakerState, ProviderType, RoutingDecision};
use metrics::{Counter, Gauge, Histogram, Recorder};

use super::family::Family;

/// Breakers of one type of provider: how many are open, how many half open, and how often one came into each state.
struct Breakers {
    open: Gauge,
    half_open: Gauge,
    moved_to: [Counter; BreakerState::ALL.len()],
}

impl Breakers {
    /// Those that are not closed: they are as many as there are models.
    const fn in_state(&self, state: BreakerState) -> Option<&Gauge> {
        match state {
            BreakerState::Closed => None,
            BreakerState::Open => Some(&self.open),
            BreakerState::HalfOpen => Some(&self.half_open),
        }
    }
}

/// Which of two upstreams that were asked at once served a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// The one that was asked first.
    First,
    /// The one that was asked second.
    Second,
    /// Neither.
    Neither,
}

const SERVED: [&str; 3] = ["first", "second", "neither"];

/// The handles of routing.
pub struct RoutingMetrics {
    decisions: [Counter; RoutingDecision::ALL.len()],
    attempts: [Counter; AttemptOutcome::ALL.len()],
    exhausted: Counter,
    hedges: [Counter; 3],
    duration: Histogram,
    breakers: BTreeMap<&'static str, Breakers>,
}

impl RoutingMetrics {
    pub(super) fn new(recorder: &dyn Recorder) -> Self {
        let breakers = |provider: &ProviderType| {
            let tags = |state: BreakerState| [("provider", provider.as_str()), ("state", state.as_str())];
            let each = [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen];
            let handles = Breakers {
                open: Family::Breakers.gauge(recorder, &tags(BreakerState::Open)),
                half_open: Family::Breakers.gauge(recorder, &tags(BreakerState::HalfOpen)),
                moved_to: each.map(|state| Family::BreakerTransitions.counter(recorder, &tags(state))),
            };
            (provider.as_str(), handles)
        };
        let decision =
            |word: RoutingDecision| Family::RoutingDecisions.counter(recorder, &[("decision", word.as_str())]);
        let attempt = |word: AttemptOutcome| Family::RoutingAttempts.counter(recorder, &[("outcome", word.as_str())]);
        use AttemptOutcome as A;
        Self {
            decisions: [RoutingDecision::Direct, RoutingDecision::Rerouted].map(decision),
            attempts: [A::Ok, A::Failed, A::Skipped, A::Cancelled].map(attempt),
            exhausted: Family::RoutingErrors.counter(recorder, &[]),
            hedges: SERVED.map(|word| Family::RoutingHedges.counter(recorder, &[("served", word)])),
            duration: Family::RoutingDuration.histogram(recorder, &[]),
            breakers: ProviderType::ALL.iter().map(breakers).collect(),
        }
    }

    /// Counts a routed call that has ended, by who served it.
    pub fn decided(&self, decision: RoutingDecision) {
        self.decisions[decision as usize].increment(1);
    }

    /// Counts an attempt of a routed call.
    pub fn attempted(&self, outcome: AttemptOutcome) {
        self.attempts[outcome as usize].increment(1);
    }

    /// Counts a routed call that nobody served.
    pub fn failed(&self) {
        self.exhausted.increment(1);
    }

    /// Counts a call that asked two upstreams at once.
    pub fn hedged(&self, served: Served) {
        self.hedges[served as usize].increment(1);
    }

    /// Records how long it took until it was known who serves a call, failed attempts and waits included.
    pub fn took(&self, span: std::time::Duration) {
        self.duration.record(span.as_secs_f64());
    }

    /// Notes that a breaker of a provider type went from one state to another.
    pub fn moved(&self, provider: &str, from: BreakerState, to: BreakerState) {
        let Some(breakers) = self.breakers.get(provider) else { return };
        breakers.moved_to[to as usize].increment(1);
        breakers.in_state(from).into_iter().for_each(|gauge| gauge.decrement(1.0));
        breakers.in_state(to).into_iter().for_each(|gauge| gauge.increment(1.0));
    }
}
