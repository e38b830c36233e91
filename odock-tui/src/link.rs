//! The connection to the gateway: one live stream, opened again whenever it ends, with full-jitter backoff.

use entity::Timestamp;

use crate::effects::Effect;
use crate::env::Env;
use crate::msg::{Failure, FailureKind};

/// The gateway ticks every second; so many milliseconds without a sign are worth a remark.
pub const LAGGING_MS: u64 = 3_000;
/// So many milliseconds without a sign, and the stream is given up.
pub const DEAD_MS: u64 = 25_000;
/// So many milliseconds without an answer, and the attempt is given up.
pub const CONNECT_MS: u64 = 15_000;
const FIRST_MS: u64 = 500;
const CAP_MS: u64 = 30_000;

/// How long to wait before attempt number `attempt` (1 is the first after a loss): any moment of `0.5 s × 2ⁿ`, 30 s at the
/// most, so that many dashboards do not return at once.
#[must_use]
pub fn backoff_ms(attempt: u32, chance: f64) -> u64 {
    let ceiling = FIRST_MS.saturating_mul(1_u64.checked_shl(attempt.saturating_sub(1)).unwrap_or(u64::MAX)).min(CAP_MS);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and 30 000 whatever chance is"
    )]
    let wait = (ceiling as f64 * chance.clamp(0.0, 1.0)) as u64;
    wait.min(ceiling)
}

/// The state of the connection.
#[derive(Clone, Debug)]
enum State {
    Opening { since: u64 },
    Open,
    Waiting { until: u64 },
}

/// What to tell the person about the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The first attempt is under way.
    Connecting,
    /// Events come as they should.
    Live,
    /// The stream is open, but nothing has come for so many milliseconds.
    Lagging(u64),
    /// There is no stream.
    Lost {
        /// Milliseconds since the last sign of the gateway; `None` if there never was one.
        last: Option<u64>,
        /// Milliseconds until the next attempt; `None` while one is under way.
        retry_in: Option<u64>,
        /// The number of the attempt.
        attempt: u32,
    },
}

/// The connection.
#[derive(Clone, Debug)]
pub struct Link {
    state: State,
    generation: u64,
    attempt: u32,
    heard: Option<(u64, Timestamp)>,
    failure: Option<Failure>,
}

impl Default for Link {
    fn default() -> Self {
        Self { state: State::Waiting { until: 0 }, generation: 0, attempt: 0, heard: None, failure: None }
    }
}

impl Link {
    /// The number of the current attempt to be connected; messages of earlier ones are stale.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Begins an attempt.
    pub fn connect(&mut self, env: &Env) -> Effect {
        self.generation += 1;
        self.state = State::Opening { since: env.mono };
        let renew_credential = self.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::SignedOut);
        Effect::Connect { generation: self.generation, renew_credential }
    }

    /// Forgets everything about the gateway, because it is another one now.
    pub fn reset(&mut self) {
        *self = Self { generation: self.generation, ..Self::default() };
    }

    /// The gateway has begun to answer. Returns when it was last heard before, if it ever was.
    pub fn opened(&mut self, env: &Env) -> Option<Timestamp> {
        let before = self.heard.map(|(_, at)| at);
        self.state = State::Open;
        self.heard = Some((env.mono, env.now));
        before
    }

    /// An event has come. Only this ends the counting of attempts: a gateway that accepts and hangs up is not back.
    pub fn heard(&mut self, env: &Env) {
        if matches!(self.state, State::Open) {
            self.attempt = 0;
            self.failure = None;
            self.heard = Some((env.mono, env.now));
        }
    }

    /// The stream has ended or could not be opened.
    pub fn failed(&mut self, failure: Failure, env: &Env) {
        self.attempt = self.attempt.saturating_add(1);
        self.failure = Some(failure);
        self.state = State::Waiting { until: env.mono.saturating_add(backoff_ms(self.attempt, env.chance)) };
    }

    /// What the clock makes due: an attempt, or the end of one that takes too long.
    pub fn due(&mut self, env: &Env) -> Option<Effect> {
        match self.state {
            State::Waiting { until } if env.mono >= until => return Some(self.connect(env)),
            State::Opening { since } if env.mono.saturating_sub(since) >= CONNECT_MS => {
                self.give_up("the gateway does not answer", env);
            }
            State::Open if self.silence(env.mono) >= DEAD_MS => {
                self.give_up("the gateway has fallen silent", env);
            }
            _ => {}
        }
        None
    }

    fn give_up(&mut self, why: &str, env: &Env) {
        // A late word of the stream that is given up must not count as a sign of the next one.
        self.generation += 1;
        self.failed(Failure::new(FailureKind::Timeout, why), env);
    }

    fn silence(&self, mono: u64) -> u64 {
        self.heard.map_or(0, |(at, _)| mono.saturating_sub(at))
    }

    /// When [`Link::due`] next has something to do, or what it says changes.
    #[must_use]
    pub fn wake(&self, mono: u64) -> u64 {
        match self.state {
            // The countdown is read by people: once a second.
            State::Waiting { until } => until.min(mono + 1_000),
            State::Opening { since } => (since + CONNECT_MS).min(mono + 1_000),
            State::Open => {
                let silence = self.silence(mono);
                if silence < LAGGING_MS { mono + (LAGGING_MS - silence) } else { mono + 1_000 }
            }
        }
    }

    /// Whether the stream is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether the gateway can be expected to carry out a change.
    #[must_use]
    pub fn usable(&self) -> bool {
        self.is_open()
    }

    /// Why the last attempt failed, until events come again.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// When the gateway was last heard.
    #[must_use]
    pub fn last_heard(&self) -> Option<Timestamp> {
        self.heard.map(|(_, at)| at)
    }

    /// What to tell the person.
    #[must_use]
    pub fn phase(&self, mono: u64) -> Phase {
        match self.state {
            State::Open => match self.silence(mono) {
                silence if silence >= LAGGING_MS => Phase::Lagging(silence),
                _ => Phase::Live,
            },
            State::Opening { .. } if self.attempt == 0 && self.heard.is_none() => Phase::Connecting,
            State::Opening { .. } => self.lost(mono, None),
            State::Waiting { until } => self.lost(mono, Some(until.saturating_sub(mono))),
        }
    }

    fn lost(&self, mono: u64, retry_in: Option<u64>) -> Phase {
        Phase::Lost { last: self.heard.map(|(at, _)| mono.saturating_sub(at)), retry_in, attempt: self.attempt }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono: u64, chance: f64) -> Env {
        Env { mono, chance, ..Env::epoch() }
    }

    fn refused() -> Failure {
        Failure::new(FailureKind::Unreachable, "connection refused")
    }

    #[test]
    fn the_ceiling_doubles_to_thirty_seconds_and_stays_there() {
        let ceilings: Vec<u64> = (1..=9).map(|attempt| backoff_ms(attempt, 1.0)).collect();
        assert_eq!(ceilings, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(backoff_ms(u32::MAX, 1.0), 30_000);
        assert_eq!(backoff_ms(0, 1.0), 500);
    }

    #[test]
    fn the_jitter_is_full() {
        assert_eq!([0.0, 0.25, 0.5].map(|chance| backoff_ms(4, chance)), [0, 1_000, 2_000]);
        assert_eq!([-1.0, 7.0, f64::NAN].map(|chance| backoff_ms(1, chance)), [0, 500, 0]);
    }

    #[test]
    fn attempts_follow_the_clock() {
        let mut link = Link::default();
        assert!(matches!(link.due(&at(0, 0.0)), Some(Effect::Connect { generation: 1, .. })));
        assert_eq!(link.phase(0), Phase::Connecting);
        link.failed(refused(), &at(10, 1.0));
        assert!(link.due(&at(509, 0.0)).is_none());
        assert_eq!(link.phase(209), Phase::Lost { last: None, retry_in: Some(301), attempt: 1 });
        assert!(link.due(&at(510, 0.0)).is_some());
        link.failed(refused(), &at(510, 1.0));
        assert!(link.due(&at(1_509, 0.0)).is_none());
        assert!(link.due(&at(1_510, 0.0)).is_some());
    }

    #[test]
    fn only_an_event_resets_the_counting() {
        let mut link = Link::default();
        for _ in 0..3 {
            let _ = link.connect(&at(0, 0.0));
            assert_eq!(link.opened(&at(0, 0.0)).is_some(), link.attempt > 0);
            link.failed(refused(), &at(0, 0.0));
        }
        assert_eq!(link.attempt, 3);
        let _ = link.connect(&at(0, 0.0));
        link.opened(&at(0, 0.0));
        link.heard(&at(1, 0.0));
        assert_eq!((link.attempt, link.phase(1)), (0, Phase::Live));
    }

    #[test]
    fn silence_is_remarked_and_then_ends_the_stream() {
        let mut link = Link::default();
        let _ = link.connect(&at(0, 0.0));
        link.opened(&at(0, 0.0));
        assert_eq!(link.phase(LAGGING_MS), Phase::Lagging(LAGGING_MS));
        assert!(link.usable());
        let generation = link.generation();
        assert!(link.due(&at(DEAD_MS, 1.0)).is_none());
        assert!(matches!(link.phase(DEAD_MS), Phase::Lost { last: Some(DEAD_MS), .. }));
        assert!(!link.usable() && link.generation() > generation);
    }

    #[test]
    fn a_refused_token_is_looked_up_again() {
        let mut link = Link::default();
        let _ = link.connect(&at(0, 0.0));
        link.failed(Failure::new(FailureKind::SignedOut, "expired"), &at(0, 0.0));
        assert!(matches!(link.connect(&at(0, 0.0)), Effect::Connect { renew_credential: true, .. }));
    }
}
