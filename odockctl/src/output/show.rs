//! What can be listed, and how its columns look.

use entity::vocab::Metric;
use entity::{Nanos, Timestamp};
use serde::Serialize;

/// A column of a table.
pub struct Column<T: ?Sized> {
    /// Its heading.
    pub heading: &'static str,
    /// Where its value stands in the JSON form: what CSV and `--fields` use.
    pub path: &'static str,
    /// Whether only `-o wide` shows it.
    pub wide: bool,
    /// Its text for people.
    pub text: fn(&T) -> String,
}

impl<T> Column<T> {
    /// A column that is always shown.
    pub const fn new(heading: &'static str, path: &'static str, text: fn(&T) -> String) -> Self {
        Self { heading, path, wide: false, text }
    }

    /// A column that only `-o wide` shows.
    pub const fn wide(heading: &'static str, path: &'static str, text: fn(&T) -> String) -> Self {
        Self { heading, path, wide: true, text }
    }
}

/// Something that can be listed.
pub trait Show: Serialize + Sized + 'static {
    /// Its columns, in order.
    fn columns() -> &'static [Column<Self>];

    /// One with every optional field set: its JSON form has every path that `--fields` may name.
    fn example() -> Self;

    /// What `-o name` prints.
    fn handle(&self) -> String;
}

/// An instant, to the second.
#[must_use]
pub fn instant(at: Timestamp) -> String {
    Timestamp(at.0.div_euclid(1_000_000) * 1_000_000).to_string()
}

/// An amount of USD.
#[must_use]
pub fn money(nanos: Nanos) -> String {
    format!("${}", entity::money::decimal(nanos))
}

/// An amount of what a budget or quota counts, in its unit.
#[must_use]
pub fn amount(metric: Metric, value: i64) -> String {
    match metric {
        Metric::Cost => money(value),
        Metric::LatencyMs => format!("{value} ms"),
        Metric::Requests | Metric::Tokens | Metric::TokensIn | Metric::TokensOut | Metric::Errors => value.to_string(),
    }
}

/// A part of a whole in percent, rounded down: nothing is spent to 100% before it is.
#[must_use]
pub fn percent(part: i64, whole: i64) -> String {
    match i128::from(whole) {
        0 => "-".to_owned(),
        whole => format!("{}%", i128::from(part) * 100 / whole),
    }
}

/// How much of a whole is used and reserved, as ten characters: `####==----`.
#[must_use]
pub fn bar(used: i64, reserved: i64, whole: i64) -> String {
    const WIDTH: i128 = 10;
    let place = |part: i128| match i128::from(whole) {
        whole if whole > 0 => usize::try_from((part.max(0) * WIDTH / whole).min(WIDTH)).unwrap_or(0),
        _ => 10,
    };
    let (used, taken) = (place(used.into()), place(i128::from(used) + i128::from(reserved)));
    format!("{}{}{}", "#".repeat(used), "=".repeat(taken.saturating_sub(used)), "-".repeat(10 - taken.max(used)))
}

/// A duration in the unit that suits it, to three digits.
#[must_use]
pub fn latency(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..10_000 => format!("{}.{:02} ms", us / 1_000, us % 1_000 / 10),
        10_000..100_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        100_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..10_000_000 => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

/// `yes` or `no`.
#[must_use]
pub fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// A number of things: `1 request`, `2 requests`.
#[must_use]
pub fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_suits_them() {
        let shown = [0, 999, 1_000, 9_999, 12_345, 123_456, 1_234_567, 98_765_432].map(latency);
        assert_eq!(shown, ["0 us", "999 us", "1.00 ms", "9.99 ms", "12.3 ms", "123 ms", "1.23 s", "98.7 s"]);
    }

    #[test]
    fn bars_and_percents_never_say_more_than_is_used() {
        assert_eq!([bar(0, 0, 10), bar(39, 21, 100), bar(99, 0, 100)], ["----------", "###===----", "#########-"]);
        assert_eq!([bar(100, 0, 100), bar(250, 9, 100), bar(0, 0, 0)], ["##########"; 3]);
        assert_eq!(bar(i64::MAX, i64::MAX, 1), "##########");
        assert_eq!([percent(1, 3), percent(999, 1_000), percent(150, 100), percent(1, 0)], ["33%", "99%", "150%", "-"]);
    }

    #[test]
    fn amounts_have_their_unit() {
        let shown = [(Metric::Cost, 1_500_000_000), (Metric::Tokens, 7), (Metric::LatencyMs, 7)];
        assert_eq!(shown.map(|(metric, value)| amount(metric, value)), ["$1.5", "7", "7 ms"]);
    }

    #[test]
    fn instants_are_cut_to_the_second() {
        assert_eq!(instant("2027-06-30T12:34:56.789Z".parse().unwrap()), "2027-06-30T12:34:56Z");
    }
}
