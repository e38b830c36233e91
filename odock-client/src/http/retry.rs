//! What is tried again, and when.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use super::ClientError;

/// How long to wait before trying again: full jitter under an exponentially growing ceiling.
///
/// Full jitter spreads clients that failed together over the whole interval, so that they do not return together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The ceiling of the first wait.
    pub base: Duration,
    /// The highest ceiling.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(200), cap: Duration::from_secs(10) }
    }
}

impl Backoff {
    /// The longest wait before try number `attempt + 1`, where the first try is number 0.
    #[must_use]
    pub fn ceiling(self, attempt: u32) -> Duration {
        self.base.saturating_mul(2_u32.saturating_pow(attempt)).min(self.cap)
    }

    /// A random wait from nothing to the ceiling.
    #[must_use]
    pub fn wait(self, attempt: u32) -> Duration {
        self.ceiling(attempt).mul_f64(fraction())
    }
}

/// A random number from 0 up to 1. The standard library seeds its hashers well enough for jitter.
fn fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(bits >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

/// How a request may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It changes nothing.
    Safe,
    /// Its `Idempotency-Key` goes along, so that the gateway does it once; `again` if doing it twice would do no harm.
    Keyed {
        /// Whether it may be done again where the gateway cannot say what came of the first time.
        again: bool,
    },
    /// Only when it cannot have been carried out.
    Unsent,
}

/// Statuses that say "not now".
pub(super) fn passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 502 | 503 | 504)
}

/// Whether a failed try may be repeated.
pub(super) fn again(error: &ClientError, repeat: Repeat) -> bool {
    match (error, repeat) {
        // Refused for coming too often: nothing was done.
        (ClientError::Problem { .. } | ClientError::Foreign { .. }, Repeat::Unsent) => error.status() == Some(429),
        (ClientError::Unreachable { sent, .. }, Repeat::Unsent) => !sent,
        (_, Repeat::Unsent) => false,
        // An earlier try is still being carried out, and its answer is what is wanted.
        (ClientError::Problem { problem, .. }, Repeat::Keyed { .. }) if problem.code == "idempotency_in_progress" => {
            true
        }
        (_, Repeat::Safe | Repeat::Keyed { .. }) => error.retryable(),
    }
}

/// Whether the gateway did, or may have done, what was asked, and has no answer to give to those who ask again.
pub(super) fn answer_is_lost(error: &ClientError) -> bool {
    matches!(error.code(), "idempotency_not_kept" | "idempotency_outcome_unknown")
}

/// Reads a `Retry-After` of seconds. The form with a date is left to the back-off: clocks differ.
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    value.trim().parse::<u32>().ok().map(|seconds| Duration::from_secs(u64::from(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16) -> ClientError {
        ClientError::Foreign { url: String::new(), status, request_id: None, retry_after: None, excerpt: String::new() }
    }

    #[test]
    fn waits_grow_up_to_the_cap_and_never_beyond() {
        let backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(1) };
        let ceilings: Vec<_> = (0..6).map(|attempt| backoff.ceiling(attempt).as_millis()).collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(backoff.ceiling(u32::MAX), Duration::from_secs(1));
        assert!((0..200).all(|attempt| backoff.wait(attempt) <= backoff.ceiling(attempt)));
    }

    #[test]
    fn waits_are_spread_over_the_whole_interval() {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(1) };
        let waits: Vec<_> = (0..400).map(|_| backoff.wait(0).as_secs_f64()).collect();
        assert!(waits.iter().any(|wait| *wait < 0.2) && waits.iter().any(|wait| *wait > 0.8));
    }

    #[test]
    fn a_write_is_repeated_only_when_it_cannot_have_happened() {
        let broken = |sent| ClientError::Unreachable { url: String::new(), reason: String::new(), sent };
        assert!(again(&refusal(503), Repeat::Safe) && !again(&refusal(503), Repeat::Unsent));
        assert!(again(&refusal(429), Repeat::Unsent));
        assert!(again(&broken(true), Repeat::Safe) && !again(&broken(true), Repeat::Unsent));
        assert!(again(&broken(false), Repeat::Unsent));
        assert!(!again(&refusal(400), Repeat::Safe) && !again(&refusal(500), Repeat::Safe));
    }

    #[test]
    fn a_write_with_a_key_is_repeated_like_a_read_and_until_the_first_one_is_through() {
        let keyed = Repeat::Keyed { again: false };
        let lost = ClientError::Unreachable { url: String::new(), reason: String::new(), sent: true };
        assert!(again(&lost, keyed) && again(&refusal(502), keyed) && !again(&refusal(409), keyed));
        let problem = |code: &str| ClientError::Problem {
            problem: Box::new(entity::problem::Problem {
                status: 409,
                code: code.into(),
                title: String::new(),
                hint: None,
                request_id: String::new(),
                errors: Vec::new(),
            }),
            retry_after: None,
        };
        assert!(again(&problem("idempotency_in_progress"), keyed) && !again(&problem("conflict"), keyed));
        assert!(answer_is_lost(&problem("idempotency_not_kept")) && !answer_is_lost(&problem("conflict")));
    }

    #[test]
    fn retry_after_is_read_in_seconds() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(retry_after("-1"), None);
    }
}
