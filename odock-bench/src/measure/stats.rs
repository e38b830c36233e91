//! Percentiles and medians.

use std::time::Duration;

/// The value that this share of the samples does not exceed (nearest rank), in microseconds. Sorts the samples.
pub(crate) fn percentile_us(samples: &mut [Duration], share: f64) -> f64 {
    samples.sort_unstable();
    // A share from 0 to 1 of a length gives an index in range; the cast cannot lose anything that matters.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let rank = (samples.len() as f64 * share).ceil() as usize;
    samples.get(rank.saturating_sub(1)).map_or(f64::NAN, |sample| sample.as_secs_f64() * 1e6)
}

/// The middle of the values, or of the two in the middle; `NaN` when there are none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.as_slice() {
        [] => f64::NAN,
        values if values.len() % 2 == 1 => values[half],
        values => values[half - 1].midpoint(values[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut samples: Vec<_> = (1..=200).rev().map(Duration::from_micros).collect();
        let mut at = |share| percentile_us(&mut samples, share).round();
        assert_eq!((at(0.5), at(0.99), at(1.0)), (100.0, 198.0, 200.0));
        assert!(percentile_us(&mut [], 0.5).is_nan());
        assert_eq!(percentile_us(&mut [Duration::from_micros(7)], 0.01).round(), 7.0);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
    }
}
