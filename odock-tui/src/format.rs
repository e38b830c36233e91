//! Numbers as people read them. The exact value is a key away (`=`), so rounding here hides nothing.

use entity::Nanos;
use entity::money::{NANOS_PER_USD, decimal};

/// Money: `$0.000414`, `$0.42`, `$12.34`, `$1 234`, `$12.3k`.
#[must_use]
pub fn money(nanos: Nanos) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let dollar = NANOS_PER_USD.unsigned_abs();
    let text = if size == 0 {
        "0".to_owned()
    } else if size < dollar {
        small_money(size)
    } else if size < 100 * dollar {
        let cents = (size + dollar / 200) / (dollar / 100);
        format!("{}.{:02}", cents / 100, cents % 100)
    } else {
        count((size + dollar / 2) / dollar)
    };
    format!("{sign}${text}")
}

/// Three significant digits below a dollar.
fn small_money(size: u64) -> String {
    let digits = size.ilog10() + 1;
    let unit = 10_u64.pow(digits.saturating_sub(3));
    let rounded = (size + unit / 2) / unit * unit;
    decimal(i64::try_from(rounded).unwrap_or(i64::MAX))
}

/// Money to the last nano: `$0.000413800`.
#[must_use]
pub fn exact_money(nanos: Nanos) -> String {
    let text = decimal(nanos);
    match text.strip_prefix('-') {
        Some(rest) => format!("-${rest}"),
        None => format!("${text}"),
    }
}

/// A count: `1 240`, `12.4k`, `3.1M`.
#[must_use]
pub fn count(number: u64) -> String {
    const STEPS: [(u64, char); 4] = [(1_000_000_000_000, 'T'), (1_000_000_000, 'G'), (1_000_000, 'M'), (1_000, 'k')];
    if number < 10_000 {
        return exact_count(number);
    }
    for (step, suffix) in STEPS {
        if number >= step {
            let tenths = number / (step / 10);
            return format!("{}.{}{suffix}", tenths / 10, tenths % 10);
        }
    }
    exact_count(number)
}

/// A count with all its digits, in groups of three.
#[must_use]
pub fn exact_count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Something a second, or any other fraction: `0`, `0.02`, `3.2`, `140`.
#[must_use]
pub fn rate(value: f64) -> String {
    if !value.is_finite() || value <= 0.0 {
        "0".to_owned()
    } else if value < 0.01 {
        "<0.01".to_owned()
    } else if value < 1.0 {
        format!("{value:.2}")
    } else if value < 100.0 {
        let text = format!("{value:.1}");
        text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
    } else {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "finite and positive, and `as` saturates"
        )]
        count(value.round() as u64)
    }
}

/// A duration in microseconds: `420 µs`, `4.2 ms`, `41 ms`, `1.24 s`, `2 m 03 s`.
#[must_use]
pub fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{}.{} ms", us / 1_000, us / 100 % 10),
        10_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..60_000_000 => format!("{}.{:02} s", us / 1_000_000, us / 10_000 % 100),
        _ => format!("{} m {:02} s", us / 60_000_000, us / 1_000_000 % 60),
    }
}

/// A duration with every microsecond: `1 240 500 µs`.
#[must_use]
pub fn exact_duration(us: u64) -> String {
    format!("{} µs", exact_count(us))
}

/// An age or a wait in milliseconds: `now`, `42 s`, `3 m`, `2 h`, `5 d`.
#[must_use]
pub fn age(ms: u64) -> String {
    match ms / 1_000 {
        0 => "now".to_owned(),
        s @ 1..120 => format!("{s} s"),
        s @ 120..7_200 => format!("{} m", s / 60),
        s @ 7_200..172_800 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

/// A length of time as `odockctl` writes it: `0`, `90s`, `15m`, `24h`, `7d`.
#[must_use]
pub fn span(seconds: u32) -> String {
    match seconds {
        0 => "0".to_owned(),
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// Reads a length of time: digits and one of `s m h d`; a bare number is seconds.
///
/// # Errors
/// Says in one sentence what is wrong.
pub fn parse_span(text: &str) -> Result<u32, String> {
    let text = text.trim();
    let (digits, factor) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3_600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => (text, 1),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("write a length of time such as 0, 90s, 15m, 24h or 7d".to_owned());
    }
    digits
        .parse::<u32>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| "that is too long".to_owned())
}

/// Names a number of things: `1 request`, `2 requests`.
#[must_use]
pub fn things(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_keeps_three_digits_and_never_shows_zero_for_something() {
        let cases = [
            (0, "$0"),
            (1, "$0.000000001"),
            (413_800, "$0.000414"),
            (420_000_000, "$0.42"),
            (999_999_999, "$1"),
            (12_344_999_999, "$12.34"),
            (1_234_400_000_000, "$1 234"),
            (12_340_000_000_000, "$12.3k"),
            (-1_500_000_000, "-$1.50"),
        ];
        for (nanos, text) in cases {
            assert_eq!(money(nanos), text);
        }
        assert_eq!(exact_money(413_800), "$0.0004138");
        assert_eq!(money(i64::MIN).chars().next(), Some('-'));
    }

    #[test]
    fn counts_are_grouped_then_shortened() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_240, "1 240"),
            (12_480, "12.4k"),
            (3_100_000, "3.1M"),
            (u64::MAX, "18446744.0T"),
        ];
        for (number, text) in cases {
            assert_eq!(count(number), text);
        }
        assert_eq!(exact_count(1_234_567), "1 234 567");
    }

    #[test]
    fn durations_read_at_their_own_scale() {
        let cases = [
            (0, "0 µs"),
            (420, "420 µs"),
            (4_260, "4.2 ms"),
            (41_999, "41 ms"),
            (1_249_999, "1.24 s"),
            (123_000_000, "2 m 03 s"),
        ];
        for (us, text) in cases {
            assert_eq!(duration(us), text);
        }
    }

    #[test]
    fn spans_round_trip_and_nonsense_is_refused() {
        for seconds in [0, 1, 60, 90, 900, 3_600, 86_400, 604_800] {
            assert_eq!(parse_span(&span(seconds)), Ok(seconds));
        }
        for text in ["", "h", "-1h", "1.5h", "1 h 3", "9999999999", "4294967295d", "é"] {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_and_ages_are_short() {
        assert_eq!(
            [0.0, 0.001, 0.25, 3.0, 3.24, 140.4, f64::NAN].map(rate),
            ["0", "<0.01", "0.25", "3", "3.2", "140", "0"]
        );
        assert_eq!([400, 42_000, 185_000, 7_300_000, 400_000_000].map(age), ["now", "42 s", "3 m", "2 h", "4 d"]);
    }
}
