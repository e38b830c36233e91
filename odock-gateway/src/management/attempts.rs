//! Slows down whoever guesses sign-in tokens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use http::{HeaderValue, header};

use super::problem::{ApiError, Code};

/// Failures that one address may have in a window.
const FAILURES: u32 = 10;
/// The window.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered; beyond that, windows that are over are forgotten.
const REMEMBERED: usize = 10_000;

/// Failed sign-ins by address. Each node counts by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempts(Arc<DashMap<String, (Instant, u32)>>);

impl Attempts {
    /// Refuses an address that failed too often.
    pub(super) fn check(&self, address: &str) -> Result<(), ApiError> {
        let Some(entry) = self.0.get(address) else { return Ok(()) };
        let (since, failures) = *entry;
        let left = WINDOW.saturating_sub(since.elapsed());
        if failures < FAILURES || left.is_zero() {
            return Ok(());
        }
        let seconds = HeaderValue::from(left.as_secs() + 1);
        Err(ApiError::new(Code::RateLimited, "too many failed sign-ins from this address")
            .hint("wait a minute")
            .header(header::RETRY_AFTER, seconds))
    }

    /// Counts a failure.
    pub(super) fn failed(&self, address: &str) {
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, (since, _)| since.elapsed() < WINDOW);
        }
        let mut entry = self.0.entry(address.to_owned()).or_insert((Instant::now(), 0));
        if entry.0.elapsed() >= WINDOW {
            *entry = (Instant::now(), 0);
        }
        entry.1 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_guesses_is_stopped_and_others_are_not() {
        let attempts = Attempts::default();
        for _ in 0..FAILURES {
            attempts.check("a").unwrap();
            attempts.failed("a");
        }
        assert_eq!(attempts.check("a").unwrap_err().code(), Code::RateLimited);
        attempts.check("b").unwrap();
    }
}
