//! Calls to providers, the streams they answer with, and the tokens they count.

use std::time::{Duration, Instant};

use entity::usage::TokenUsage;
use metrics::{Counter, Gauge, Histogram, Recorder};

use super::family::Family;
use super::request::{by_class, class};

/// Why a call to an upstream failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection was made.
    Connect,
    /// A connection, a first byte, or the whole answer took too long.
    Timeout,
    /// The connection broke before the answer was whole.
    Reset,
    /// The answer was not what the family's protocol promises.
    Malformed,
    /// The upstream answered with a 4xx status.
    Refused,
    /// The upstream answered 429.
    RateLimited,
    /// The upstream answered with a 5xx status.
    Broken,
}

const FAILURES: [&str; 7] = ["connect", "timeout", "reset", "malformed", "4xx", "rate_limit", "5xx"];

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// As the protocol has it.
    Completed,
    /// The client went away.
    Cancelled,
    /// The upstream broke off, or sent what is no stream.
    Failed,
    /// The upstream fell silent, or the stream outlasted its limit.
    TimedOut,
    /// The gateway ended it: its caller may not go on.
    Ended,
}

const ENDS: [&str; 5] = ["completed", "cancelled", "failed", "timed_out", "ended"];

const TOKEN_CLASSES: [&str; 9] = [
    "input_text",
    "input_image",
    "input_audio",
    "input_cached",
    "input_cache_write",
    "output_text",
    "output_audio",
    "output_reasoning",
    "output_rejected",
];

/// The handles of one provider family at one endpoint.
pub struct ProviderMetrics {
    requests: [Counter; 6],
    errors: [Counter; 7],
    duration: Histogram,
    first_byte: Histogram,
    streams_open: Gauge,
    stream_ends: [Counter; 5],
    stream_duration: Histogram,
    tokens: [Counter; 9],
}

impl ProviderMetrics {
    pub(super) fn new(recorder: &dyn Recorder, provider: &'static str, endpoint: &'static str) -> Self {
        let tags = [("provider", provider), ("endpoint", endpoint)];
        let with = |name, value| [tags[0], tags[1], (name, value)];
        Self {
            requests: by_class(|class| Family::ProviderRequests.counter(recorder, &with("status", class))),
            errors: FAILURES.map(|kind| Family::ProviderErrors.counter(recorder, &with("kind", kind))),
            duration: Family::ProviderDuration.histogram(recorder, &tags),
            first_byte: Family::ProviderFirstByte.histogram(recorder, &tags),
            streams_open: Family::StreamsOpen.gauge(recorder, &tags),
            stream_ends: ENDS.map(|end| Family::StreamSessions.counter(recorder, &with("end", end))),
            stream_duration: Family::StreamDuration.histogram(recorder, &tags),
            tokens: TOKEN_CLASSES.map(|class| Family::Tokens.counter(recorder, &with("class", class))),
        }
    }

    /// Records that the upstream answered with `status`.
    pub fn answered(&self, status: u16) {
        self.requests[class(status)].increment(1);
    }

    /// Records a call that failed.
    pub fn failed(&self, why: Failure) {
        self.errors[why as usize].increment(1);
    }

    /// Records how long the upstream took to begin its body.
    pub fn first_byte(&self, after: Duration) {
        self.first_byte.record(after.as_secs_f64());
    }

    /// Records how long a whole call took.
    pub fn finished(&self, after: Duration) {
        self.duration.record(after.as_secs_f64());
    }

    /// Counts a stream as open until the guard is ended or dropped.
    pub fn stream(self: &std::sync::Arc<Self>) -> OpenStream {
        self.streams_open.increment(1.0);
        OpenStream { metrics: Some(self.clone()), since: Instant::now() }
    }

    /// Counts tokens by class.
    pub fn tokens(&self, usage: &TokenUsage) {
        let counts = [
            usage.input_text,
            usage.input_image,
            usage.input_audio,
            usage.input_cached,
            usage.input_cache_write,
            usage.output_text,
            usage.output_audio,
            usage.output_reasoning,
            usage.output_rejected,
        ];
        for (counter, count) in self.tokens.iter().zip(counts).filter(|(_, count)| *count > 0) {
            counter.increment(count);
        }
    }
}

/// A stream being delivered. Dropping it means that the client went away.
#[must_use = "dropping it counts the stream as cancelled"]
pub struct OpenStream {
    metrics: Option<std::sync::Arc<ProviderMetrics>>,
    since: Instant,
}

impl OpenStream {
    /// Records how the stream ended.
    pub fn end(mut self, how: StreamEnd) {
        self.record(how);
    }

    fn record(&mut self, how: StreamEnd) {
        if let Some(metrics) = self.metrics.take() {
            metrics.streams_open.decrement(1.0);
            metrics.stream_ends[how as usize].increment(1);
            metrics.stream_duration.record(self.since.elapsed().as_secs_f64());
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.record(StreamEnd::Cancelled);
    }
}
