//! How long the latest answers of one upstream took: whole ones, and streams until their first content.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Answers that are remembered of each kind.
const KEPT: usize = 128;
/// Answers without which nothing can be said.
const ENOUGH: usize = 20;

/// How long the latest answers took.
#[derive(Debug, Default)]
pub(super) struct Pace {
    whole: Mutex<Latest>,
    streams: Mutex<Latest>,
}

#[derive(Debug, Default)]
struct Latest {
    /// In microseconds, an hour at the most.
    spans: Vec<u32>,
    next: usize,
}

impl Pace {
    /// Remembers one.
    pub(super) fn took(&self, stream: bool, span: Duration) {
        let span = u32::try_from(span.as_micros()).unwrap_or(u32::MAX);
        let mut latest = self.of(stream).lock().unwrap_or_else(PoisonError::into_inner);
        if latest.spans.len() < KEPT {
            latest.spans.push(span);
        } else {
            let next = latest.next;
            latest.spans[next] = span;
        }
        latest.next = (latest.next + 1) % KEPT;
    }

    /// How long so many percent of them took at the most.
    pub(super) fn percentile(&self, stream: bool, percent: u8) -> Option<Duration> {
        let mut spans = self.of(stream).lock().unwrap_or_else(PoisonError::into_inner).spans.clone();
        if spans.len() < ENOUGH {
            return None;
        }
        let at = (spans.len() * usize::from(percent.min(100))).div_ceil(100).saturating_sub(1);
        let (_, span, _) = spans.select_nth_unstable(at);
        Some(Duration::from_micros((*span).into()))
    }

    const fn of(&self, stream: bool) -> &Mutex<Latest> {
        if stream { &self.streams } else { &self.whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_percentile_is_that_of_the_latest_answers_of_its_kind() {
        let pace = Pace::default();
        (1..20).for_each(|span| pace.took(false, ms(span)));
        assert_eq!(pace.percentile(false, 95), None, "too few");
        pace.took(false, ms(20));
        assert_eq!(pace.percentile(false, 95), Some(ms(19)));
        assert_eq!(pace.percentile(false, 50), Some(ms(10)));
        assert_eq!(pace.percentile(true, 50), None);
        (0..KEPT).for_each(|_| pace.took(false, ms(500)));
        assert_eq!(pace.percentile(false, 50), Some(ms(500)), "what is old is forgotten");
    }
}
