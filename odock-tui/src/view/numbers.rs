//! Numbers, human or exact as the person wants them.

use entity::Nanos;
use entity::vocab::Metric;

use crate::format;
use crate::model::Model;

/// Money.
#[must_use]
pub fn money(model: &Model, nanos: Nanos) -> String {
    if model.exact { format::exact_money(nanos) } else { format::money(nanos) }
}

/// A count.
#[must_use]
pub fn count(model: &Model, number: u64) -> String {
    if model.exact { format::exact_count(number) } else { format::count(number) }
}

/// An amount in the unit of a metric. What is left of a limit can be negative.
#[must_use]
pub fn amount(model: &Model, metric: Metric, value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    match metric {
        Metric::Cost => money(model, value),
        Metric::LatencyMs => format!("{sign}{}", duration(model, value.unsigned_abs().saturating_mul(1_000))),
        Metric::Requests | Metric::Tokens | Metric::TokensIn | Metric::TokensOut | Metric::Errors => {
            format!("{sign}{}", count(model, value.unsigned_abs()))
        }
    }
}

/// A duration in microseconds.
#[must_use]
pub fn duration(model: &Model, us: u64) -> String {
    if model.exact { format::exact_duration(us) } else { format::duration(us) }
}
