//! What the world tells the core at each step: the clock, chance, and what the terminal can do.

use entity::Timestamp;
use jiff::tz::TimeZone;

/// The world as one step sees it. The core asks nothing else of it, so that a test can be any world.
#[derive(Clone, Debug)]
pub struct Env {
    /// The wall clock, for showing times.
    pub now: Timestamp,
    /// A clock that never jumps, in milliseconds, for ages and deadlines.
    pub mono: u64,
    /// A number in `0.0..1.0`, fresh for each step; backoff takes its jitter from it.
    pub chance: f64,
    /// Where the person is.
    pub zone: TimeZone,
}

impl Env {
    /// A world at the beginning of time, in UTC.
    #[must_use]
    pub fn epoch() -> Self {
        Self { now: Timestamp(0), mono: 0, chance: 0.0, zone: TimeZone::UTC }
    }

    /// The wall clock of `at` where the person is, as `HH:MM:SS`.
    #[must_use]
    pub fn clock(&self, at: Timestamp) -> String {
        self.zoned(at, "%H:%M:%S")
    }

    /// Day and wall clock of `at` where the person is, as `YYYY-MM-DD HH:MM`.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> String {
        self.zoned(at, "%Y-%m-%d %H:%M")
    }

    fn zoned(&self, at: Timestamp, pattern: &str) -> String {
        match jiff::Timestamp::from_microsecond(at.0) {
            Ok(instant) => instant.to_zoned(self.zone.clone()).strftime(pattern).to_string(),
            Err(_) => "?".to_owned(),
        }
    }
}
