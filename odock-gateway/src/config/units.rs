//! Durations and sizes as people write them.

use std::time::Duration;

/// Reads a duration such as `100ms`, `15s`, `5m` or `1h30m`.
///
/// # Errors
/// Says what a duration looks like when `text` is none.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is not a duration such as \"100ms\", \"15s\", \"5m\" or \"1h30m\"");
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, unit, after) = split(rest).ok_or_else(wrong)?;
        let nanos: u128 = match unit {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return Err(wrong()),
        };
        let nanos = u128::from(number).checked_mul(nanos).and_then(|nanos| u64::try_from(nanos).ok());
        total = nanos.and_then(|nanos| total.checked_add(Duration::from_nanos(nanos))).ok_or_else(wrong)?;
        rest = after;
    }
    Ok(total)
}

/// Reads a size such as `512`, `64KiB`, `10MiB` or `1GB`, in bytes.
///
/// # Errors
/// Says what a size looks like when `text` is none.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is not a size such as \"512\", \"64KiB\", \"10MiB\" or \"1GB\"");
    let (number, unit, after) = split(text.trim()).ok_or_else(wrong)?;
    if !after.is_empty() {
        return Err(wrong());
    }
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

/// Writes a duration so that [`duration`] reads it back.
pub(super) fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        _ if millis.is_multiple_of(3_600_000) && millis > 0 => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) && millis > 0 => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
        _ => format!("{millis}ms"),
    }
}

/// Splits `5m30s` into 5, `m` and `30s`.
fn split(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..digits].parse().ok()?;
    let rest = text[digits..].trim_start_matches(' ');
    let unit = rest.find(|c: char| c.is_ascii_digit() || c == ' ').unwrap_or(rest.len());
    Some((number, &rest[..unit], rest[unit..].trim_start_matches(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_a_unit() {
        for (text, millis) in
            [("100ms", 100), ("15s", 15_000), ("5m", 300_000), ("1h30m", 5_400_000), ("0", 0), ("2 s", 2_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "15", "s", "-5s", "1.5s", "5 parsecs", "99999999999999999999s", "9999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_bytes_or_carry_a_unit() {
        for (text, size) in [("512", 512), ("64KiB", 65_536), ("1 MiB", 1_048_576), ("1GB", 1_000_000_000)] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5MiB", "1MiB2", "18446744073709551615KiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_shown_duration_reads_back() {
        for millis in [0, 1, 999, 1_000, 90_000, 3_600_000, 3_601_000] {
            let length = Duration::from_millis(millis);
            assert_eq!(duration(&show(length)), Ok(length));
        }
    }
}
