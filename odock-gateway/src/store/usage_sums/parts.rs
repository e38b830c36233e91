//! How a period falls into spans whose sums are kept.

use entity::Timestamp;

pub(super) const MINUTE: i64 = 60_000_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// A part of the period, and where its sums stand: in rollups of a span, or in records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) span: Option<i64>,
    pub(super) from: i64,
    pub(super) to: i64,
    /// Whether it is not of the period, and is taken off, since a day that is was counted whole.
    pub(super) minus: bool,
}

/// The parts of a period, and of what is to be taken off days that it touches: where most of a day's hours are in the period,
/// the day without the others is less to read. After `now` there is nothing to take off, as a rule.
pub(super) fn rounded(from: i64, to: i64, widest: i64, minutes_since: i64, now: i64) -> Vec<Part> {
    let (mut start, mut end) = (from, to);
    if widest == DAY && from < to {
        let (first, last) = (from.div_euclid(DAY) * DAY, to.div_euclid(DAY) * DAY);
        if first.saturating_add(DAY) <= to && from - first < DAY / 2 {
            start = first;
        }
        if last >= start && last < to && now.clamp(to, last.saturating_add(DAY)) - to < to - last {
            end = last.saturating_add(DAY);
        }
    }
    let mut found = parts(start, end, widest, minutes_since);
    for (from, to) in [(start, from), (to, end)] {
        let outside = parts(from, to, HOUR, minutes_since);
        found.extend(outside.into_iter().map(|part| Part { minus: true, ..part }));
    }
    found
}

/// The parts of a period, the longest span being `widest`.
pub(super) fn parts(from: i64, to: i64, widest: i64, minutes_since: i64) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut at = from;
    while at < to {
        let fits = |span: i64| at.rem_euclid(span) == 0 && at.saturating_add(span) <= to;
        let usable = |span: i64| span <= widest && fits(span) && (span > MINUTE || at >= minutes_since);
        let (span, end) = match [DAY, HOUR, MINUTE].into_iter().find(|span| usable(*span)) {
            Some(span) => (Some(span), at + span),
            // Records, up to where a span may begin.
            None => (None, (at.div_euclid(MINUTE) + 1).saturating_mul(MINUTE).min(to)),
        };
        match parts.last_mut() {
            Some(last) if last.span == span && last.to == at => last.to = end,
            _ => parts.push(Part { span, from: at, to: end, minus: false }),
        }
        at = end;
    }
    parts
}

/// The longest span of which every boundary is a multiple.
pub(super) fn widest(buckets: &[Timestamp]) -> i64 {
    let aligned = |span: &i64| buckets.iter().skip(1).all(|at| at.0.rem_euclid(*span) == 0);
    [DAY, HOUR].into_iter().find(aligned).unwrap_or(MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_falls_into_parts_without_gap_or_overlap() {
        let day = 20_000 * DAY;
        for (from, to, widest, since) in [
            (day + 1, day + 2 * DAY + 17, DAY, i64::MIN),
            (day, day + DAY, DAY, i64::MIN),
            (day + 5, day + 6, DAY, i64::MIN),
            (day + 30 * MINUTE, day + 50 * HOUR + 7 * MINUTE + 3, HOUR, day + 40 * HOUR),
            (day + MINUTE - 1, day + 3 * MINUTE, MINUTE, i64::MIN),
            (day, day, DAY, i64::MIN),
        ] {
            let parts = parts(from, to, widest, since);
            let mut at = from;
            for part in &parts {
                assert!(part.from == at && part.to > at, "{parts:?}");
                at = part.to;
                let Some(span) = part.span else { continue };
                assert!(span <= widest && part.from % span == 0 && part.to % span == 0, "{parts:?}");
                assert!(span > MINUTE || part.from >= since, "{parts:?}");
            }
            assert_eq!(at, to);
            assert!(parts.len() <= 7, "{parts:?}");
        }
    }

    #[test]
    fn what_a_rounded_period_has_too_much_is_taken_off() {
        let day = 20_000 * DAY;
        for from in [day, day + 1, day + 3 * HOUR + 7, day + 11 * HOUR, day + 23 * HOUR + 5 * MINUTE] {
            for length in [1, MINUTE, 5 * HOUR + 1, DAY - 1, DAY, 30 * HOUR, 3 * DAY + 17, 40 * DAY + 13 * HOUR] {
                for later in [0, 2 * HOUR, 5 * DAY] {
                    let to = from + length;
                    let parts = rounded(from, to, DAY, i64::MIN, to + later);
                    let sum = |within: &dyn Fn(i64, i64) -> i64| -> i64 {
                        let signed = |part: &Part| within(part.from, part.to) * if part.minus { -1 } else { 1 };
                        parts.iter().map(signed).sum()
                    };
                    // Of all time, of what was before, and of the moment in which it begins and ends.
                    assert_eq!(sum(&|from, to| to - from), length, "{parts:?}");
                    for (at, times) in [(from, 1), (from - 1, 0), (to - 1, 1), (to, 0), (day - 1, 0)] {
                        assert_eq!(sum(&|from, to| i64::from(from <= at && at < to)), times, "{at} {parts:?}");
                    }
                }
            }
        }
        // A period that ends now counts its last day whole, and one that begins at noon counts half of it.
        let parts = rounded(day + 13 * HOUR, day + 3 * DAY + 22 * HOUR, DAY, i64::MIN, day + 3 * DAY + 22 * HOUR);
        let days: Vec<(i64, i64)> =
            parts.iter().filter(|part| part.span == Some(DAY)).map(|part| (part.from, part.to)).collect();
        assert_eq!(days, [(day + DAY, day + 4 * DAY)]);
    }
}
