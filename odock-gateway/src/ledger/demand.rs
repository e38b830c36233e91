//! What a request may consume, and what that means for each budget and quota.

use std::sync::Arc;

use entity::pricing::Pricing;
use entity::vocab::Metric;

use super::account::is_known_afterwards;
use super::{Claim, Limit};

/// What a request may consume at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Tokens in.
    pub input: u64,
    /// Tokens out, over all answers that were asked for.
    pub output: u64,
    /// Pages, images, seconds: what is not counted in tokens.
    pub units: u64,
}

impl Demand {
    /// The same without what comes out.
    #[must_use]
    pub fn without_output(self) -> Self {
        Self { output: 0, ..self }
    }

    /// What it costs at the most.
    #[must_use]
    pub fn cost(self, prices: &Pricing) -> i64 {
        prices.bound(self.input, self.output).saturating_add(prices.bound_units(self.units))
    }

    /// What it claims of each limit. Without a price it costs nothing that could be known beforehand.
    #[must_use]
    pub fn claims(self, limits: &[Arc<Limit>], prices: Option<&Pricing>) -> Vec<Claim> {
        let cost = prices.map_or(0, |prices| self.cost(prices));
        let claim = |limit: &Arc<Limit>| Claim { limit: Arc::clone(limit), amount: self.count(limit.metric, cost) };
        limits.iter().map(claim).collect()
    }

    /// What it comes to in one metric.
    #[must_use]
    pub fn amount(self, metric: Metric, prices: Option<&Pricing>) -> i64 {
        let cost = prices.filter(|_| metric == Metric::Cost);
        self.count(metric, cost.map_or(0, |prices| self.cost(prices)))
    }

    fn count(self, metric: Metric, cost: i64) -> i64 {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        match metric {
            Metric::Requests => 1,
            Metric::Tokens => count(self.input.saturating_add(self.output)),
            Metric::TokensIn => count(self.input),
            Metric::TokensOut => count(self.output),
            Metric::Cost => cost,
            metric => {
                debug_assert!(is_known_afterwards(metric));
                0
            }
        }
    }
}
