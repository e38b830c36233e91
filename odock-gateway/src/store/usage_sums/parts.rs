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
            _ => parts.push(Part { span, from: at, to: end }),
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
}
