//! The last five minutes, second by second. A second that was not heard is a break, which is not the same as zero.

use std::collections::{HashMap, VecDeque};

use entity::health::BreakerStatus;
use entity::live::{Percentiles, Tick, Top};
use entity::{Nanos, Timestamp};

/// Seconds that are kept for charts.
pub const KEPT: usize = 300;
/// Seconds over which the busiest are ranked.
pub const MINUTE: usize = 60;

/// One second of the charts.
#[derive(Clone, Debug)]
pub struct Second {
    /// Requests that ended.
    pub requests: u64,
    /// Of those, with a status of 400 or more.
    pub errors: u64,
    /// Refused by the gateway itself.
    pub denied: u64,
    /// Tokens in and out.
    pub tokens: u64,
    /// Nanos of USD.
    pub cost: Nanos,
    /// Requests without a price.
    pub unpriced: u64,
    /// Under way at the end of the second.
    pub in_flight: u64,
    /// Latency.
    pub latency: Percentiles,
    /// The gateway's share of it.
    pub overhead: Percentiles,
}

/// What the busiest are ranked by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// Requests.
    #[default]
    Requests,
    /// Money.
    Cost,
    /// Tokens.
    Tokens,
    /// Errors.
    Errors,
}

impl Metric {
    /// Every metric, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Requests, Self::Cost, Self::Tokens, Self::Errors];

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Cost => "cost",
            Self::Tokens => "tokens",
            Self::Errors => "errors",
        }
    }

    /// The next one, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|metric| *metric == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }
}

/// What is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Virtual keys.
    Keys,
    /// Models.
    Models,
    /// Teams.
    Teams,
}

impl Dimension {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Keys, Self::Models, Self::Teams];

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Models => "models",
            Self::Teams => "teams",
        }
    }
}

/// The last five minutes.
#[derive(Debug, Default)]
pub struct Ticks {
    seconds: VecDeque<Option<Second>>,
    tops: VecDeque<(i64, [Vec<Top>; 3])>,
    latest: Option<i64>,
    at: Option<Timestamp>,
    breakers: Vec<BreakerStatus>,
}

/// Sums over some seconds, and how many of them were heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Seconds that were heard.
    pub heard: u64,
    /// Requests.
    pub requests: u64,
    /// Errors.
    pub errors: u64,
    /// Refused by the gateway.
    pub denied: u64,
    /// Tokens.
    pub tokens: u64,
    /// Nanos of USD.
    pub cost: Nanos,
    /// Requests without a price.
    pub unpriced: u64,
}

impl Ticks {
    /// Takes a second in. Seconds that were skipped become breaks; a second that was heard before is ignored.
    pub fn push(&mut self, tick: Tick) {
        self.at = Some(tick.at);
        // The end of a second may be stamped a little early or late.
        let second = (tick.at.0 + 500_000).div_euclid(1_000_000);
        if let Some(last) = self.latest {
            if second <= last {
                // A clock that was set back by more than the whole chart begins a new one.
                if last - second < KEPT as i64 {
                    return;
                }
                self.seconds.clear();
                self.tops.clear();
            }
            let skipped = usize::try_from(second - last - 1).unwrap_or(0).min(KEPT);
            for _ in 0..skipped {
                self.keep(None);
            }
        }
        self.latest = Some(second);
        self.breakers = tick.breakers;
        let totals = &tick.totals;
        self.keep(Some(Second {
            requests: totals.requests,
            errors: totals.errors,
            denied: tick.denied,
            tokens: totals.tokens_in.saturating_add(totals.tokens_out),
            cost: totals.cost_nanos,
            unpriced: totals.unpriced,
            in_flight: tick.in_flight,
            latency: tick.latency_us,
            overhead: tick.overhead_us,
        }));
        self.tops.push_back((second, [tick.top_keys, tick.top_models, tick.top_teams]));
        while self.tops.front().is_some_and(|(at, _)| second - at >= MINUTE as i64) {
            self.tops.pop_front();
        }
    }

    fn keep(&mut self, second: Option<Second>) {
        if self.seconds.len() == KEPT {
            self.seconds.pop_front();
        }
        self.seconds.push_back(second);
    }

    /// The end of the last second that was heard, by the gateway's clock: ours may be wrong.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// Upstreams whose calls failed lately, as the gateway said at the end of the last second that was heard.
    #[must_use]
    pub fn breakers(&self) -> &[BreakerStatus] {
        &self.breakers
    }

    /// Whether nothing was heard yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// The seconds, oldest first; `None` is a break.
    pub fn seconds(&self) -> impl DoubleEndedIterator<Item = Option<&Second>> + ExactSizeIterator {
        self.seconds.iter().map(Option::as_ref)
    }

    /// The last second that was heard.
    #[must_use]
    pub fn latest(&self) -> Option<&Second> {
        self.seconds.iter().rev().find_map(Option::as_ref)
    }

    /// The last second of the minute in which a request ended: percentiles of an idle second say nothing.
    #[must_use]
    pub fn busy(&self) -> Option<&Second> {
        self.seconds.iter().rev().take(MINUTE).flatten().find(|second| second.requests > 0)
    }

    /// Sums over the last minute.
    #[must_use]
    pub fn minute(&self) -> Sums {
        self.last(MINUTE)
    }

    /// Sums over the last `seconds` seconds, heard or not.
    #[must_use]
    pub fn last(&self, seconds: usize) -> Sums {
        let mut sum = Sums::default();
        for second in self.seconds.iter().rev().take(seconds).flatten() {
            sum.heard += 1;
            sum.requests = sum.requests.saturating_add(second.requests);
            sum.errors = sum.errors.saturating_add(second.errors);
            sum.denied = sum.denied.saturating_add(second.denied);
            sum.tokens = sum.tokens.saturating_add(second.tokens);
            sum.cost = sum.cost.saturating_add(second.cost);
            sum.unpriced = sum.unpriced.saturating_add(second.unpriced);
        }
        sum
    }

    /// The busiest of the last minute by `metric`, ties in the order of names, those with nothing left out.
    #[must_use]
    pub fn busiest(&self, dimension: Dimension, metric: Metric) -> Vec<Top> {
        let index = dimension as usize;
        let mut sums: HashMap<&str, Top> = HashMap::new();
        for top in self.tops.iter().flat_map(|(_, tops)| &tops[index]) {
            let sum = sums.entry(&top.name).or_insert_with(|| Top {
                name: top.name.clone(),
                requests: 0,
                tokens: 0,
                cost_nanos: 0,
                errors: 0,
            });
            sum.requests = sum.requests.saturating_add(top.requests);
            sum.tokens = sum.tokens.saturating_add(top.tokens);
            sum.cost_nanos = sum.cost_nanos.saturating_add(top.cost_nanos);
            sum.errors = sum.errors.saturating_add(top.errors);
        }
        let mut ranked: Vec<Top> = sums.into_values().filter(|top| measure(top, metric) > 0).collect();
        ranked.sort_by(|a, b| measure(b, metric).cmp(&measure(a, metric)).then_with(|| a.name.cmp(&b.name)));
        ranked
    }
}

/// What `metric` says of `top`.
#[must_use]
pub fn measure(top: &Top, metric: Metric) -> u64 {
    match metric {
        Metric::Requests => top.requests,
        Metric::Cost => u64::try_from(top.cost_nanos).unwrap_or(0),
        Metric::Tokens => top.tokens,
        Metric::Errors => top.errors,
    }
}

impl Sums {
    /// What an hour costs at this pace.
    #[must_use]
    pub fn cost_per_hour(&self) -> Nanos {
        match i64::try_from(self.heard) {
            Ok(heard) if heard > 0 => {
                Nanos::try_from(i128::from(self.cost) * 3_600 / i128::from(heard)).unwrap_or(Nanos::MAX)
            }
            _ => 0,
        }
    }

    /// One of the counts as a mean of the seconds.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "shown with two digits")]
    pub fn per_second(&self, count: u64) -> f64 {
        if self.heard == 0 { 0.0 } else { count as f64 / self.heard as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::usage::UsageTotals;

    fn tick(second: i64, requests: u64, key: &str) -> Tick {
        let top = Top { name: key.into(), requests, tokens: requests * 10, cost_nanos: 5, errors: 0 };
        Tick {
            at: Timestamp(second * 1_000_000 + 3),
            totals: UsageTotals { requests, cost_nanos: 1_000, ..Default::default() },
            denied: 0,
            in_flight: 1,
            latency_us: Percentiles::default(),
            overhead_us: Percentiles::default(),
            top_keys: vec![top],
            top_models: vec![],
            top_teams: vec![],
            breakers: vec![],
        }
    }

    #[test]
    fn a_silence_is_a_break_and_not_a_zero() {
        let mut ticks = Ticks::default();
        for second in [100, 101, 105] {
            ticks.push(tick(second, second as u64, "ci"));
        }
        let shape: Vec<Option<u64>> = ticks.seconds().map(|second| second.map(|second| second.requests)).collect();
        assert_eq!(shape, [Some(100), Some(101), None, None, None, Some(105)]);
        assert_eq!(ticks.minute().heard, 3);
    }

    #[test]
    fn the_ring_stays_small_however_long_the_silence() {
        let mut ticks = Ticks::default();
        ticks.push(tick(1, 1, "a"));
        ticks.push(tick(i64::from(u32::MAX), 1, "b"));
        assert_eq!(ticks.seconds().len(), KEPT);
        assert_eq!(ticks.busiest(Dimension::Keys, Metric::Requests).len(), 1);
        for second in 0..1_000 {
            ticks.push(tick(i64::from(u32::MAX) + 1 + second, 1, "b"));
        }
        assert_eq!((ticks.seconds().len(), ticks.tops.len()), (KEPT, MINUTE));
    }

    #[test]
    fn seconds_heard_twice_count_once() {
        let mut ticks = Ticks::default();
        for second in [10, 10, 9, 11] {
            ticks.push(tick(second, 1, "ci"));
        }
        assert_eq!(ticks.minute().requests, 2);
    }

    #[test]
    fn the_busiest_are_ranked_over_the_minute() {
        let mut ticks = Ticks::default();
        for (second, requests, key) in [(1, 3, "b"), (2, 2, "a"), (3, 1, "a"), (70, 1, "c")] {
            ticks.push(tick(second, requests, key));
        }
        let names = |metric| ticks.busiest(Dimension::Keys, metric).into_iter().map(|top| top.name).collect::<Vec<_>>();
        assert_eq!(names(Metric::Requests), ["c"]);
        ticks.push(tick(71, 1, "d"));
        let names = |metric| ticks.busiest(Dimension::Keys, metric).into_iter().map(|top| top.name).collect::<Vec<_>>();
        assert_eq!(names(Metric::Cost), ["c", "d"]);
        assert!(names(Metric::Errors).is_empty());
    }

    #[test]
    fn an_hour_is_projected_from_what_was_heard() {
        let mut ticks = Ticks::default();
        for second in [1, 2, 30] {
            ticks.push(tick(second, 1, "a"));
        }
        assert_eq!(ticks.minute().cost_per_hour(), 3_600_000);
    }
}
