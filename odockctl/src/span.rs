//! Spans and instants as people type them: `90d`, `24h`, `2027-06-30`, `2027-06-30T12:00:00Z`.

use std::time::Duration;

use entity::Timestamp;

/// Reads a span such as `90d`, `24h`, `15m`, `30s`, `500ms`; a plain number is seconds.
///
/// # Errors
/// It is no such span.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no span of time: write a number and ms, s, m, h or d, such as 24h");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

/// Reads an instant to come: an RFC 3339 time, a date (its first instant in UTC), or a span from now.
///
/// # Errors
/// It is none of these.
pub fn future(text: &str) -> Result<Timestamp, String> {
    instant(text, Timestamp::plus)
}

/// Reads an instant gone by: an RFC 3339 time, a date (its first instant in UTC), or a span before now.
///
/// # Errors
/// It is none of these.
pub fn past(text: &str) -> Result<Timestamp, String> {
    instant(text, Timestamp::minus)
}

fn instant(text: &str, from_now: fn(Timestamp, Duration) -> Timestamp) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(at) = format!("{text}T00:00:00Z").parse::<Timestamp>() {
        return Ok(at);
    }
    let span = duration(text)
        .map_err(|_| format!("`{text}` is no time: write 2027-06-30, 2027-06-30T12:00:00Z, or a span such as 24h"))?;
    Ok(from_now(Timestamp::now(), span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_their_unit() {
        let read = |text| duration(text).map(|span| span.as_millis()).ok();
        assert_eq!(read("90d"), Some(7_776_000_000));
        assert_eq!(
            ["24h", "15m", "30s", "7", "250ms"].map(read),
            [Some(86_400_000), Some(900_000), Some(30_000), Some(7_000), Some(250)]
        );
        assert_eq!(
            ["", "h", "-1h", "1.5h", "1w", "99999999999999999999d", "18446744073709551615d"].map(read),
            [None; 7]
        );
    }

    #[test]
    fn instants_are_absolute_or_relative() {
        assert_eq!(future("2027-06-30").unwrap(), "2027-06-30T00:00:00Z".parse().unwrap());
        assert!(future("24h").unwrap() > Timestamp::now());
        assert!(past("24h").unwrap() < Timestamp::now());
        assert!(past("yesterday").is_err());
    }
}
