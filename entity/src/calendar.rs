//! Windows by the calendar: days, weeks, months and quarters that begin at midnight somewhere.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

use crate::Timestamp;
use crate::usage::Bucket;
use crate::vocab::Period;

/// The time zone of that name in the IANA database; `None` if there is none.
///
/// The system's database is used if there is one, else the one that the program carries.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    // jiff takes any file in the zoneinfo directory; names are plain words and slashes.
    let plain = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte))
        && !name.starts_with('/');
    if plain { TimeZone::get(name).ok() } else { None }
}

/// The window of `period` that holds `at`: its first instant, and the first instant after it.
///
/// A window begins at the first instant of a day where the zone is, which is not midnight where the clock is put forward
/// at midnight; so a day may last 23 or 25 hours. Windows leave no gap and do not overlap. `None` at the ends of the calendar.
#[must_use]
pub fn window(period: Period, zone: &TimeZone, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let now = jiff::Timestamp::from_microsecond(at.0).ok()?.to_zoned(zone.clone());
    let today = now.date();
    let first = match period {
        Period::Daily => today,
        Period::Weekly => today.checked_sub(i64::from(today.weekday().since(Weekday::Monday)).days()).ok()?,
        Period::Monthly => today.first_of_month(),
        Period::Quarterly => Date::new(today.year(), (today.month() - 1) / 3 * 3 + 1, 1).ok()?,
    };
    let length = match period {
        Period::Daily => 1.day(),
        Period::Weekly => 1.week(),
        Period::Monthly => 1.month(),
        Period::Quarterly => 3.months(),
    };
    let (start, end) = (begin(first, zone)?, begin(first.checked_add(length).ok()?, zone)?);
    // Where a clock is put back over midnight the day before comes twice for a while: that while is the day's own.
    if at < start {
        window(period, zone, Timestamp(start.0 - 1)).filter(|(_, end)| *end == start)
    } else {
        Some((start, end))
    }
}

/// The span of time that holds `at`: its first instant, and the first instant after it. Hours are those of UTC; `None` at the ends of the calendar.
#[must_use]
pub fn span(bucket: Bucket, zone: &TimeZone, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let even = |width: i64| {
        let start = at.0.div_euclid(width).checked_mul(width)?;
        Some((Timestamp(start), Timestamp(start.checked_add(width)?)))
    };
    match bucket {
        Bucket::Minute => even(60_000_000),
        Bucket::Hour => even(3_600_000_000),
        Bucket::Day => window(Period::Daily, zone, at),
        Bucket::Month => window(Period::Monthly, zone, at),
    }
}

fn begin(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    let midnight: Zoned = date.to_zoned(zone.clone()).ok()?;
    Some(Timestamp(midnight.start_of_day().ok()?.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window_of(period: Period, name: &str, instant: &str) -> (String, String) {
        let (start, end) = window(period, &zone(name).unwrap(), at(instant)).unwrap();
        (start.to_string(), end.to_string())
    }

    #[test]
    fn months_end_where_the_owner_is() {
        for (name, start, end) in [
            ("UTC", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("Asia/Tokyo", "2026-11-30T15:00:00Z", "2026-12-31T15:00:00Z"),
            ("America/New_York", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"),
        ] {
            assert_eq!(window_of(Period::Monthly, name, "2026-11-30T16:00:00Z"), (start.into(), end.into()), "{name}");
        }
    }

    #[test]
    fn days_of_a_clock_change_have_23_and_25_hours() {
        let hours = |name, instant| {
            let (start, end) = window(Period::Daily, &zone(name).unwrap(), at(instant)).unwrap();
            (end.0 - start.0) / 3_600_000_000
        };
        assert_eq!(hours("Europe/Paris", "2026-03-29T12:00:00Z"), 23);
        assert_eq!(hours("Europe/Paris", "2026-10-25T12:00:00Z"), 25);
        // Where the clock is put forward at midnight, the day begins at one o'clock.
        assert_eq!(window_of(Period::Daily, "America/Asuncion", "2023-10-01T12:00:00Z").0, "2023-10-01T04:00:00Z");
    }

    #[test]
    fn weeks_begin_on_monday_and_quarters_in_january() {
        assert_eq!(window_of(Period::Weekly, "UTC", "2026-11-22T23:59:59.999999Z").1, "2026-11-23T00:00:00Z");
        assert_eq!(window_of(Period::Weekly, "UTC", "2026-11-23T00:00:00Z").0, "2026-11-23T00:00:00Z");
        assert_eq!(
            window_of(Period::Quarterly, "UTC", "2026-12-31T23:59:59Z"),
            ("2026-10-01T00:00:00Z".into(), "2027-01-01T00:00:00Z".into())
        );
    }

    #[test]
    fn windows_leave_no_gap_and_hold_what_is_in_them() {
        for name in [
            "UTC",
            "Europe/Paris",
            "America/St_Johns",
            "America/Asuncion",
            "Africa/Cairo",
            "America/Havana",
            "Asia/Gaza",
        ] {
            let zone = zone(name).unwrap();
            for period in Period::ALL {
                let mut inside = at("2023-01-01T00:30:00Z");
                let mut last_end = None;
                while inside < at("2027-01-01T00:00:00Z") {
                    let (start, end) = window(*period, &zone, inside).unwrap();
                    assert!(start <= inside && inside < end, "{name} {period} {inside}");
                    assert_eq!(window(*period, &zone, start), Some((start, end)), "{name} {period} {start}");
                    assert_eq!(
                        window(*period, &zone, Timestamp(end.0 - 1)),
                        Some((start, end)),
                        "{name} {period} {end}"
                    );
                    assert!(last_end.is_none_or(|last| last == start), "{name} {period} {start}");
                    last_end = Some(end);
                    inside = end;
                }
            }
        }
    }

    #[test]
    fn only_names_of_zones_are_zones() {
        assert!(zone("Europe/Paris").is_some() && zone("UTC").is_some());
        for name in ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "Europe/Paris\0", &"x".repeat(65)] {
            assert!(zone(name).is_none(), "{name}");
        }
    }
}
