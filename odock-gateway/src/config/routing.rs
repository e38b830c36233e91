//! `[routing]`: when upstreams rest, and how long a call may be tried again.

use std::time::Duration;

use super::check::Check;

/// When upstreams rest, and how long a call may be tried again.
#[derive(Clone, Debug)]
pub struct Routing {
    /// Failures in a row after which an upstream rests.
    pub failures: u32,
    /// The share of failures, in percent, at which it rests though they do not follow one another.
    pub error_percent: u32,
    /// Calls in a window without which the share says nothing.
    pub min_calls: u32,
    /// How long a failure counts towards the share.
    pub window: Duration,
    /// How long an upstream rests; twice as long each time that it still fails afterwards.
    pub rest: Duration,
    /// The longest rest, also of one that the upstream itself asks for.
    pub max_rest: Duration,
    /// After this long no further attempt begins.
    pub deadline: Duration,
}

impl Routing {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        let day = || Duration::from_millis(1)..=Duration::from_secs(86_400);
        let routing = Self {
            failures: check.number("routing.breaker_failures", 1..=1_000_000),
            error_percent: check.number("routing.breaker_error_percent", 1..=100),
            min_calls: check.number("routing.breaker_min_calls", 1..=1_000_000),
            window: check.duration("routing.breaker_window", day()),
            rest: check.duration("routing.breaker_rest", day()),
            max_rest: check.duration("routing.breaker_max_rest", day()),
            deadline: check.duration("routing.deadline", day()),
        };
        if routing.max_rest < routing.rest {
            check.refuse("routing.breaker_max_rest", "is shorter than routing.breaker_rest");
        }
        routing
    }
}
