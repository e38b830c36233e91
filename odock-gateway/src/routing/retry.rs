//! When, and how often, a call is tried again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use entity::vocab::FailoverTrigger;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp as Instant;

/// The longest that a call waits because an upstream asks for it. Who asks for more is not tried again.
pub const MOST_WAIT: Duration = Duration::from_secs(10);

/// What kind of failure a status is; `None` for success.
#[must_use]
pub fn trigger(status: StatusCode) -> Option<FailoverTrigger> {
    match status.as_u16() {
        200..=299 => None,
        429 => Some(FailoverTrigger::RateLimit),
        // The gateway's credential was refused, or the caller is sent elsewhere: a 502 for the caller.
        401 | 403 | 407 | 100..=199 | 300..=399 | 500.. => Some(FailoverTrigger::ServerError),
        _ => Some(FailoverTrigger::Any),
    }
}

/// The wait before another attempt: a quarter more or less than it was declared to be, so that calls that failed together do
/// not come back together.
#[must_use]
pub fn delay(declared: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8);
    let thousandths = 750 + u32::try_from(random % 501).unwrap_or(0);
    declared * thousandths / 1_000
}

/// How long an upstream asks to be left alone.
#[must_use]
pub fn asked_rest(headers: &HeaderMap, now: entity::Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return span(ms / 1_000.0);
    }
    let text = text("retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return span(seconds);
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let now = Instant::from_microsecond(now.0).ok()?;
    Duration::try_from(date.duration_since(now)).ok()
}

fn span(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|span| !span.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart_as_policies_name_them() {
        let of = |status| trigger(StatusCode::from_u16(status).unwrap());
        assert_eq!(of(200), None);
        assert_eq!(of(429), Some(FailoverTrigger::RateLimit));
        for status in [301, 401, 403, 500, 503, 529] {
            assert_eq!(of(status), Some(FailoverTrigger::ServerError), "{status}");
        }
        for status in [400, 404, 413, 422] {
            assert_eq!(of(status), Some(FailoverTrigger::Any), "{status}");
        }
    }

    #[test]
    fn a_delay_is_near_what_was_declared() {
        let declared = Duration::from_millis(1_000);
        let delays: Vec<Duration> = (0..50).map(|_| delay(declared)).collect();
        assert!(delays.iter().all(|it| (750..=1_250).contains(&it.as_millis())), "{delays:?}");
        assert!(delays.iter().any(|it| *it != delays[0]), "all the same");
        assert_eq!(delay(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn upstreams_say_in_several_ways_when_to_come_back() {
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let asked = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            asked_rest(&headers, now)
        };
        assert_eq!(asked("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(asked("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(asked("retry-after", "Mon, 23 Nov 2026 10:00:09 GMT"), Some(Duration::from_secs(9)));
        for nothing in ["0", "-1", "soon", "NaN", "inf", "1e300", "Mon, 23 Nov 2026 09:00:00 GMT"] {
            assert_eq!(asked("retry-after", nothing), None, "{nothing}");
        }
    }
}
