//! How one upstream has been doing, and whether it rests.
//!
//! Closed, it counts failures: so many in a row, or too large a share of the calls in a window, and the upstream rests. It
//! rests for a while that doubles each time that the probe after it fails, or for as long as the upstream itself asks for
//! (`Retry-After`). Then one call finds out how it is: with its success the breaker closes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use entity::health::BreakerStatus;
use entity::vocab::BreakerState;
use entity::{ModelId, OrganisationId, ProviderId, Timestamp};

use super::pace::Pace;
use crate::config;
use crate::telemetry::metrics::RoutingMetrics;

/// Whose breaker it is.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The tenant.
    pub organisation: OrganisationId,
    /// The provider.
    pub provider_id: ProviderId,
    /// The provider's name.
    pub provider: String,
    /// The provider's type, as metrics name it.
    pub provider_type: &'static str,
    /// The model.
    pub model_id: ModelId,
    /// The model's name.
    pub model: String,
}

/// What a call says of its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answered, be it that the caller's request was wrong.
    Well,
    /// It failed.
    Failing {
        /// The class of the failure, as attempts name it.
        error: &'static str,
        /// How long it asks to be left alone.
        rest: Option<Duration>,
    },
}

/// Whether a call may go to an upstream.
#[derive(Debug)]
pub enum Admission {
    /// It may.
    Free,
    /// It may, and finds out how the upstream is.
    Probe(Permit),
    /// The upstream rests until then.
    Resting(Timestamp),
}

/// How one upstream has been doing.
pub struct Breaker {
    /// Whose it is.
    pub subject: Subject,
    /// Whether there is anything but success to remember. While not, a call costs one atomic load.
    troubled: AtomicBool,
    state: Mutex<State>,
    /// How long its latest answers took, if anyone wants to know.
    pub(super) pace: OnceLock<Pace>,
    metrics: Arc<RoutingMetrics>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Failures in a row.
    in_a_row: u32,
    /// Calls and failures since the first failure of the window.
    calls: u32,
    failures: u32,
    window_began: Timestamp,
    /// Rests since it last was well.
    rests: u32,
    error: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    Open { since: Timestamp, until: Timestamp },
    HalfOpen,
}

impl Phase {
    const fn state(self) -> BreakerState {
        match self {
            Self::Closed => BreakerState::Closed,
            Self::Open { .. } => BreakerState::Open,
            Self::HalfOpen => BreakerState::HalfOpen,
        }
    }
}

fn after(at: Timestamp, span: Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}

impl Breaker {
    /// A breaker that has heard nothing yet.
    #[must_use]
    pub fn new(subject: Subject, metrics: Arc<RoutingMetrics>) -> Self {
        let state = State {
            phase: Phase::Closed,
            in_a_row: 0,
            calls: 0,
            failures: 0,
            window_began: Timestamp(0),
            rests: 0,
            error: None,
        };
        Self { subject, troubled: AtomicBool::new(false), state: Mutex::new(state), pace: OnceLock::new(), metrics }
    }

    /// Whether nothing but success is known of the upstream.
    pub fn is_untroubled(&self) -> bool {
        !self.troubled.load(Ordering::Acquire)
    }

    /// Whether a call may go to the upstream. After a rest one call at a time may, and finds out how it is.
    pub fn admit(self: &Arc<Self>, now: Timestamp) -> Admission {
        if self.is_untroubled() {
            return Admission::Free;
        }
        let mut state = self.lock();
        match state.phase {
            Phase::Closed => Admission::Free,
            // Where the clock was set back, nobody knows how long it has rested.
            Phase::Open { since, until } if since <= now && now < until => Admission::Resting(until),
            Phase::Open { .. } => {
                self.moved(&mut state, Phase::HalfOpen);
                Admission::Probe(Permit(Arc::clone(self)))
            }
            Phase::HalfOpen => Admission::Resting(now),
        }
    }

    /// When its rest ends, if it rests.
    pub fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_untroubled() {
            return None;
        }
        match self.lock().phase {
            Phase::Open { since, until } if since <= now && now < until => Some(until),
            Phase::HalfOpen => Some(now),
            _ => None,
        }
    }

    /// Takes note of what a call says.
    pub fn hear(&self, verdict: Verdict, now: Timestamp, settings: &config::Routing) {
        if verdict == Verdict::Well && self.is_untroubled() {
            return;
        }
        let mut state = self.lock();
        let phase = match verdict {
            Verdict::Well => state.well(now, settings),
            Verdict::Failing { error, rest } => state.failed(error, rest, now, settings),
        };
        self.moved(&mut state, phase);
        self.troubled.store(state.is_troubled(), Ordering::Release);
    }

    /// How it stands, for people.
    pub fn status(&self, now: Timestamp) -> BreakerStatus {
        let state = self.lock();
        let resting_until = match state.phase {
            Phase::Open { until, .. } if now < until => Some(until),
            _ => None,
        };
        BreakerStatus {
            provider: self.subject.provider.clone(),
            model: self.subject.model.clone(),
            state: state.phase.state(),
            failures: state.in_a_row,
            resting_until,
            last_error: state.error.map(Into::into),
        }
    }

    /// The probe went without finding anything out: the next call may.
    fn unprobed(&self) {
        let mut state = self.lock();
        if state.phase == Phase::HalfOpen {
            self.moved(&mut state, Phase::Open { since: Timestamp(i64::MIN), until: Timestamp(i64::MIN) });
        }
    }

    fn moved(&self, state: &mut State, to: Phase) {
        let from = std::mem::replace(&mut state.phase, to).state();
        let to = to.state();
        if from == to {
            return;
        }
        self.metrics.moved(self.subject.provider_type, from, to);
        let Subject { provider, model, .. } = &self.subject;
        tracing::info!(%provider, %model, %from, %to, "the breaker of the model {model} at {provider} is {to}");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_troubled(&self) -> bool {
        self.phase != Phase::Closed || self.failures > 0
    }

    fn well(&mut self, now: Timestamp, settings: &config::Routing) -> Phase {
        if self.phase != Phase::Closed {
            (self.rests, self.failures) = (0, 0);
        }
        self.in_a_row = 0;
        self.roll(now, settings);
        self.calls = self.calls.saturating_add(1);
        if self.failures == 0 {
            (self.calls, self.rests, self.error) = (0, 0, None);
        }
        Phase::Closed
    }

    fn failed(
        &mut self,
        error: &'static str,
        rest: Option<Duration>,
        now: Timestamp,
        settings: &config::Routing,
    ) -> Phase {
        self.roll(now, settings);
        if self.failures == 0 {
            (self.window_began, self.calls) = (now, 0);
        }
        self.error = Some(error);
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.calls = self.calls.saturating_add(1);
        self.failures = self.failures.saturating_add(1);
        match (self.phase, rest) {
            (Phase::HalfOpen, _) => self.rest(rest, now, settings),
            (Phase::Open { since, until }, Some(asked)) => {
                let asked = after(now, asked.min(settings.max_rest));
                Phase::Open { since, until: until.max(asked) }
            }
            // What was on its way when the rest began says nothing new.
            (open @ Phase::Open { .. }, None) => open,
            (Phase::Closed, _) if rest.is_some() || self.is_too_much(settings) => self.rest(rest, now, settings),
            (Phase::Closed, _) => Phase::Closed,
        }
    }

    fn is_too_much(&self, settings: &config::Routing) -> bool {
        let share = u64::from(self.failures) * 100 >= u64::from(self.calls) * u64::from(settings.error_percent);
        self.in_a_row >= settings.failures || (self.calls >= settings.min_calls && share)
    }

    fn rest(&mut self, asked: Option<Duration>, now: Timestamp, settings: &config::Routing) -> Phase {
        let doubled = settings.rest.saturating_mul(1 << self.rests.min(16));
        let span = asked.unwrap_or(doubled).min(settings.max_rest);
        self.rests = self.rests.saturating_add(1);
        Phase::Open { since: now, until: after(now, span) }
    }

    /// Forgets a window that is over.
    fn roll(&mut self, now: Timestamp, settings: &config::Routing) {
        if self.failures > 0 && (now < self.window_began || after(self.window_began, settings.window) <= now) {
            (self.failures, self.calls) = (0, 0);
        }
    }
}

impl std::fmt::Debug for Breaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Breaker").field("subject", &self.subject).field("state", &self.state).finish_non_exhaustive()
    }
}

/// The right to find out how an upstream is. Dropped before its breaker has heard, the next call gets it.
#[derive(Debug)]
#[must_use = "the probe is over when this is dropped"]
pub struct Permit(Arc<Breaker>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.unprobed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Telemetry;

    const FAILING: Verdict = Verdict::Failing { error: "5xx", rest: None };

    fn settings() -> config::Routing {
        config::Routing {
            failures: 3,
            error_percent: 50,
            min_calls: 8,
            window: Duration::from_secs(30),
            rest: Duration::from_secs(5),
            max_rest: Duration::from_secs(60),
            deadline: Duration::from_secs(300),
        }
    }

    fn breaker() -> Arc<Breaker> {
        let subject = Subject {
            organisation: OrganisationId::new(),
            provider_id: ProviderId::new(),
            provider: "openai".into(),
            provider_type: "OPENAI",
            model_id: ModelId::new(),
            model: "fast".into(),
        };
        Arc::new(Breaker::new(subject, Telemetry::new(None).metrics.routing()))
    }

    fn hears(breaker: &Breaker, verdict: Verdict, second: i64) -> BreakerState {
        breaker.hear(verdict, at(second), &settings());
        breaker.status(at(second)).state
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(1_000_000 * seconds)
    }

    fn is_free(breaker: &Arc<Breaker>, now: Timestamp) -> bool {
        matches!(breaker.admit(now), Admission::Free)
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_good_probe_closes_it() {
        let breaker = breaker();
        for second in 0..2 {
            assert_eq!(hears(&breaker, FAILING, second), BreakerState::Closed);
            assert!(is_free(&breaker, at(second)));
        }
        assert_eq!(hears(&breaker, FAILING, 2), BreakerState::Open);
        assert!(matches!(breaker.admit(at(6)), Admission::Resting(until) if until == at(7)));
        let probe = breaker.admit(at(7));
        assert!(matches!(probe, Admission::Probe(_)));
        assert!(matches!(breaker.admit(at(7)), Admission::Resting(_)), "one probe at a time");
        assert_eq!(hears(&breaker, Verdict::Well, 8), BreakerState::Closed);
        drop(probe);
        assert!(is_free(&breaker, at(8)) && breaker.is_untroubled());
    }

    #[test]
    fn each_failed_probe_doubles_the_rest_up_to_its_limit() {
        let breaker = breaker();
        (0..3).for_each(|_| assert_ne!(hears(&breaker, FAILING, 0), BreakerState::HalfOpen));
        let mut now = 5;
        for rest in [10, 20, 40, 60, 60] {
            let probe = breaker.admit(at(now));
            assert!(matches!(probe, Admission::Probe(_)), "{now}");
            assert_eq!(hears(&breaker, FAILING, now), BreakerState::Open);
            drop(probe);
            assert_eq!(breaker.rests_until(at(now)), Some(at(now + rest)));
            now += rest;
        }
    }

    #[test]
    fn a_probe_that_finds_nothing_out_leaves_it_to_the_next_call() {
        let breaker = breaker();
        (0..3).for_each(|_| assert_ne!(hears(&breaker, FAILING, 0), BreakerState::HalfOpen));
        drop(breaker.admit(at(5)));
        assert!(matches!(breaker.admit(at(5)), Admission::Probe(_)));
    }

    #[test]
    fn an_upstream_that_asks_to_be_left_alone_is() {
        let breaker = breaker();
        let asked = |seconds| Verdict::Failing { error: "rate_limit", rest: Some(Duration::from_secs(seconds)) };
        assert_eq!(hears(&breaker, asked(9), 0), BreakerState::Open);
        assert_eq!(breaker.rests_until(at(8)), Some(at(9)));
        hears(&breaker, asked(20), 1);
        assert_eq!(breaker.rests_until(at(8)), Some(at(21)), "the longer rest counts");
        hears(&breaker, asked(1_000_000), 2);
        assert_eq!(breaker.rests_until(at(8)), Some(at(62)), "within reason");
    }

    #[test]
    fn a_large_share_of_failures_opens_it_though_none_follows_another() {
        let breaker = breaker();
        for second in 0..3 {
            assert_eq!(hears(&breaker, FAILING, second), BreakerState::Closed);
            assert_eq!(hears(&breaker, Verdict::Well, second), BreakerState::Closed);
        }
        assert_eq!(hears(&breaker, FAILING, 3), BreakerState::Closed, "seven calls say too little");
        assert_eq!(hears(&breaker, FAILING, 3), BreakerState::Open);
    }

    #[test]
    fn failures_of_long_ago_do_not_count() {
        let breaker = breaker();
        for minute in 0..50 {
            assert_eq!(hears(&breaker, FAILING, minute * 60), BreakerState::Closed);
            assert_eq!(hears(&breaker, Verdict::Well, minute * 60 + 40), BreakerState::Closed);
        }
        assert!(breaker.is_untroubled());
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_resting() {
        let breaker = breaker();
        (0..3).for_each(|_| assert_ne!(hears(&breaker, FAILING, 7_200), BreakerState::HalfOpen));
        assert!(matches!(breaker.admit(at(0)), Admission::Probe(_)));
    }

    #[test]
    fn the_gauge_counts_what_rests_now() {
        let telemetry = Telemetry::new(None);
        let breaker = Arc::new(Breaker::new(breaker().subject.clone(), telemetry.metrics.routing()));
        let gauge = |state: &str, of: &str| {
            let line = format!("gateway_routing_breakers{{provider=\"OPENAI\",state=\"{state}\"}} {of}");
            assert!(telemetry.render().contains(&line), "no {line} in {}", telemetry.render());
        };
        (0..3).for_each(|_| assert_ne!(hears(&breaker, FAILING, 0), BreakerState::HalfOpen));
        gauge("open", "1");
        let probe = breaker.admit(at(5));
        gauge("half_open", "1");
        gauge("open", "0");
        drop(probe);
        gauge("half_open", "0");
        gauge("open", "1");
        hears(&breaker, Verdict::Well, 6);
        gauge("open", "0");
    }
}
