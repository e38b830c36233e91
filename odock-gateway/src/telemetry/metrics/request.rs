//! Requests, as their callers see them.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Recorder};

use super::family::Family;

/// The classes of HTTP status, with the one that only we record: the client went away.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "499"];

/// Finds the index of a status in [`CLASSES`].
pub(super) fn class(status: u16) -> usize {
    match status {
        499 => 5,
        100..=199 => 0,
        200..=299 => 1,
        300..=399 => 2,
        400..=499 => 3,
        _ => 4,
    }
}

/// Makes one counter for each class of status.
pub(super) fn by_class(make: impl Fn(&'static str) -> Counter) -> [Counter; 6] {
    CLASSES.map(make)
}

/// The handles of one route.
pub struct RouteMetrics {
    requests: [Counter; 6],
    duration: Histogram,
    overhead: Histogram,
    in_flight: Gauge,
}

impl RouteMetrics {
    pub(super) fn new(recorder: &dyn Recorder, route: &'static str) -> Self {
        let tag = ("route", route);
        Self {
            requests: by_class(|class| Family::Requests.counter(recorder, &[tag, ("status", class)])),
            duration: Family::RequestDuration.histogram(recorder, &[tag]),
            overhead: Family::RequestOverhead.histogram(recorder, &[tag]),
            in_flight: Family::RequestsInFlight.gauge(recorder, &[tag]),
        }
    }

    /// Counts a request as in flight until the guard is dropped.
    pub fn start(&self) -> InFlight {
        self.in_flight.increment(1.0);
        InFlight(self.in_flight.clone())
    }

    /// Records a request that has ended. `overhead` is the gateway's own part of `duration`.
    pub fn finished(&self, status: u16, duration: Duration, overhead: Duration) {
        self.requests[class(status)].increment(1);
        self.duration.record(duration.as_secs_f64());
        self.overhead.record(overhead.as_secs_f64());
    }
}

/// A request in flight.
#[must_use = "dropping it at once would count nothing"]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
