//! Sums over the requests that end within one second.

use std::collections::HashMap;

use entity::Timestamp;
use entity::health::BreakerStatus;
use entity::live::{Percentiles, Tick, Top};
use entity::usage::{UsageRecord, UsageTotals};
use entity::vocab::Outcome;

/// How many of the busiest keys, models and teams a tick names.
const TOP: usize = 10;

/// What has ended so far in the present second.
#[derive(Debug, Default)]
pub(super) struct Second {
    totals: UsageTotals,
    denied: u64,
    latency_sum: u64,
    latency: Histogram,
    overhead: Histogram,
    keys: HashMap<String, Top>,
    models: HashMap<String, Top>,
    teams: HashMap<String, Top>,
}

impl Second {
    pub(super) fn add(&mut self, record: &UsageRecord) {
        let failed = record.status >= 400;
        self.totals.requests += 1;
        self.totals.errors += u64::from(failed);
        self.totals.tokens_in = self.totals.tokens_in.saturating_add(record.tokens.input());
        self.totals.tokens_out = self.totals.tokens_out.saturating_add(record.tokens.output());
        self.totals.cost_nanos = self.totals.cost_nanos.saturating_add(record.cost_nanos.unwrap_or(0));
        self.totals.unpriced += u64::from(record.model_id.is_some() && record.cost_nanos.is_none());
        self.denied += u64::from(record.outcome == Outcome::Denied);
        self.latency_sum += record.latency_us;
        self.latency.add(record.latency_us);
        self.overhead.add(record.overhead_us);
        count(&mut self.keys, Some(&record.api_key), record, failed);
        count(&mut self.models, record.model.as_ref(), record, failed);
        count(&mut self.teams, record.team.as_ref(), record, failed);
    }

    /// Adds what another organisation did in the same second. Names may coincide across organisations; they stay one row.
    pub(super) fn merge(&mut self, other: &Self) {
        self.totals.requests += other.totals.requests;
        self.totals.errors += other.totals.errors;
        self.totals.tokens_in = self.totals.tokens_in.saturating_add(other.totals.tokens_in);
        self.totals.tokens_out = self.totals.tokens_out.saturating_add(other.totals.tokens_out);
        self.totals.cost_nanos = self.totals.cost_nanos.saturating_add(other.totals.cost_nanos);
        self.totals.unpriced += other.totals.unpriced;
        self.denied += other.denied;
        self.latency_sum += other.latency_sum;
        self.latency.merge(&other.latency);
        self.overhead.merge(&other.overhead);
        for (into, from) in
            [(&mut self.keys, &other.keys), (&mut self.models, &other.models), (&mut self.teams, &other.teams)]
        {
            for (name, top) in from {
                let entry = into.entry(name.clone()).or_insert_with(|| Top {
                    name: name.clone(),
                    requests: 0,
                    tokens: 0,
                    cost_nanos: 0,
                    errors: 0,
                });
                entry.requests += top.requests;
                entry.tokens = entry.tokens.saturating_add(top.tokens);
                entry.cost_nanos = entry.cost_nanos.saturating_add(top.cost_nanos);
                entry.errors += top.errors;
            }
        }
    }

    pub(super) fn finish(mut self, at: Timestamp, in_flight: u64, breakers: Vec<BreakerStatus>) -> Tick {
        self.totals.mean_latency_us = self.latency_sum.checked_div(self.totals.requests).unwrap_or(0);
        Tick {
            at,
            totals: self.totals,
            denied: self.denied,
            in_flight,
            latency_us: self.latency.percentiles(),
            overhead_us: self.overhead.percentiles(),
            top_keys: top(self.keys),
            top_models: top(self.models),
            top_teams: top(self.teams),
            breakers,
        }
    }
}

fn count(tops: &mut HashMap<String, Top>, name: Option<&String>, record: &UsageRecord, failed: bool) {
    let Some(name) = name else { return };
    if !tops.contains_key(name) {
        tops.insert(name.clone(), Top { name: name.clone(), requests: 0, tokens: 0, cost_nanos: 0, errors: 0 });
    }
    if let Some(entry) = tops.get_mut(name) {
        entry.requests += 1;
        entry.tokens = entry.tokens.saturating_add(record.tokens.input()).saturating_add(record.tokens.output());
        entry.cost_nanos = entry.cost_nanos.saturating_add(record.cost_nanos.unwrap_or(0));
        entry.errors += u64::from(failed);
    }
}

fn top(tops: HashMap<String, Top>) -> Vec<Top> {
    let mut tops: Vec<Top> = tops.into_values().collect();
    tops.sort_unstable_by(|a, b| {
        (b.requests, b.cost_nanos).cmp(&(a.requests, a.cost_nanos)).then_with(|| a.name.cmp(&b.name))
    });
    tops.truncate(TOP);
    tops
}

/// Counts of values by size: sixteen buckets to each doubling, so that a percentile is off by at most 1/16.
#[derive(Debug, Default)]
struct Histogram {
    counts: HashMap<u16, u32>,
    total: u32,
}

impl Histogram {
    fn add(&mut self, value: u64) {
        *self.counts.entry(Self::bucket(value)).or_default() += 1;
        self.total += 1;
    }

    fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            *self.counts.entry(*bucket).or_default() += count;
        }
        self.total += other.total;
    }

    fn bucket(value: u64) -> u16 {
        if value < 16 {
            return u16::try_from(value).unwrap_or(0);
        }
        let shift = 59 - value.leading_zeros();
        let mantissa = (value >> shift) & 15;
        u16::try_from(u64::from(shift + 1) * 16 + mantissa).unwrap_or(u16::MAX)
    }

    /// The middle of a bucket.
    fn value(bucket: u16) -> u64 {
        let (exponent, mantissa) = (bucket / 16, u64::from(bucket % 16));
        if exponent == 0 {
            return mantissa;
        }
        let width = 1_u64 << (exponent - 1);
        (16 + mantissa) * width + width / 2
    }

    fn percentiles(&self) -> Percentiles {
        let mut buckets: Vec<(u16, u32)> = self.counts.iter().map(|(bucket, count)| (*bucket, *count)).collect();
        buckets.sort_unstable();
        let at = |percent: u64| {
            let rank = (u64::from(self.total) * percent).div_ceil(100).max(1);
            let mut seen = 0;
            buckets
                .iter()
                .find(|(_, count)| {
                    seen += u64::from(*count);
                    seen >= rank
                })
                .map_or(0, |(bucket, _)| Self::value(*bucket))
        };
        Percentiles { p50: at(50), p95: at(95), p99: at(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_sixteenth() {
        let mut histogram = Histogram::default();
        (1..=10_000).for_each(|value| histogram.add(value));
        let Percentiles { p50, p95, p99 } = histogram.percentiles();
        for (got, exact) in [(p50, 5_000_u64), (p95, 9_500), (p99, 9_900)] {
            assert!(got.abs_diff(exact) * 16 <= exact, "{got} is not near {exact}");
        }
        assert_eq!(Histogram::default().percentiles(), Percentiles::default());
    }

    #[test]
    fn every_value_has_a_bucket_near_it() {
        for value in [0, 1, 15, 16, 17, 31, 32, 1_000, u64::from(u32::MAX), u64::MAX / 3] {
            let near = Histogram::value(Histogram::bucket(value));
            assert!(near.abs_diff(value) <= value / 16, "{value} became {near}");
        }
    }
}
