//! Days of each virtual key and each user: what rankings over long periods are made of.
//!
//! Rows go by name, as summaries do. A row's **weights** grade its sums. They change seldom while sums change with every
//! record, so that keeping them in an index costs next to nothing; and they are enough to leave out most rows of a ranking
//! ([`crate::store::usage_sums`]).

use std::collections::BTreeMap;

use entity::usage::{Breakdown, Ranking};
use sea_orm::{DatabaseTransaction, DbErr, Value};
use uuid::Uuid;

use super::sheet::Sheet;
use super::{LATENCY, Sums};
use crate::usage::Written;

const DAY: i64 = 86_400_000_000;
const KEY: [&str; 4] = ["organisation_id", "subject", "name", "starts_at"];
const SUMS: [&str; 24] = [
    "requests",
    "errors",
    "tokens_in",
    "tokens_out",
    "units",
    "cost_nanos",
    "unpriced",
    "latency_us",
    LATENCY[0],
    LATENCY[1],
    LATENCY[2],
    LATENCY[3],
    LATENCY[4],
    LATENCY[5],
    LATENCY[6],
    LATENCY[7],
    LATENCY[8],
    LATENCY[9],
    LATENCY[10],
    LATENCY[11],
    LATENCY[12],
    LATENCY[13],
    LATENCY[14],
    LATENCY[15],
];
const COLUMNS: [&str; 32] = {
    let weights = ["weight_cost", "weight_requests", "weight_tokens", "weight_errors"];
    let mut columns = [""; 32];
    let mut at = 0;
    while at < columns.len() {
        columns[at] = match at {
            0..4 => KEY[at],
            4..28 => SUMS[at - 4],
            _ => weights[at - 28],
        };
        at += 1;
    }
    columns
};
/// What rankings go by, in the order of the columns of weights.
const RANKINGS: [Ranking; 4] = [Ranking::Cost, Ranking::Requests, Ranking::Tokens, Ranking::Errors];

static SHEET: Sheet = Sheet::new("usage_day", &COLUMNS, &KEY, &[], &SUMS, weights);

/// Whose days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Virtual keys.
    Key,
    /// Users. What is nobody's has the empty name.
    User,
}

impl Subject {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Key, Self::User];

    /// Whose days a breakdown can be made of.
    #[must_use]
    pub const fn of(by: Breakdown) -> Option<Self> {
        match by {
            Breakdown::Key => Some(Self::Key),
            Breakdown::User => Some(Self::User),
            _ => None,
        }
    }

    /// The word of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::User => "user",
        }
    }

    fn name(self, record: &Written) -> &str {
        match self {
            Self::Key => record.api_key(),
            Self::User => record.user().unwrap_or_default(),
        }
    }
}

/// Adds records to their days. To be called in the transaction that writes them.
pub(super) async fn add(tx: &DatabaseTransaction, records: &[&Written]) -> Result<(), DbErr> {
    let mut days: BTreeMap<(Uuid, Subject, &str, i64), Sums<'_>> = BTreeMap::new();
    for record in records {
        let starts_at = record.at.0.div_euclid(DAY) * DAY;
        for subject in Subject::ALL {
            let key = (record.organisation_id.0, subject, subject.name(record), starts_at);
            days.entry(key).or_default().add(record, true);
        }
    }
    // In order of keys: two nodes that write at once never wait for each other in a circle.
    let rows: Vec<Vec<Value>> = days.iter().map(|(key, sums)| values(*key, sums)).collect();
    SHEET.add(tx, &rows).await
}

fn values((organisation, subject, name, starts_at): (Uuid, Subject, &str, i64), sums: &Sums<'_>) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::with_capacity(COLUMNS.len());
    values.extend([organisation.into(), subject.as_str().into(), name.into(), starts_at.into()]);
    let [requests, errors, tokens_in, tokens_out, units, _, cost_nanos, unpriced, latency_us] = sums.sums;
    let summed = [requests, errors, tokens_in, tokens_out, units, cost_nanos, unpriced, latency_us];
    values.extend(summed.iter().chain(&sums.latency).map(|sum| Value::from(*sum)));
    let weighed = RANKINGS.map(|ranking| match ranking {
        Ranking::Cost => cost_nanos,
        Ranking::Requests => requests,
        Ranking::Tokens => tokens_in.saturating_add(tokens_out),
        Ranking::Errors => errors,
    });
    values.extend(weighed.map(|sum| Value::from(weight(sum))));
    values
}

/// The column of a ranking's weights.
#[must_use]
pub const fn weight_column(ranking: Ranking) -> &'static str {
    match ranking {
        Ranking::Cost => "weight_cost",
        Ranking::Requests => "weight_requests",
        Ranking::Tokens => "weight_tokens",
        Ranking::Errors => "weight_errors",
    }
}

/// The grade of a sum: two for each decimal place, and one more from 3 on, so that grades begin at 1, 3, 10, 30, 100 …
fn weight(sum: i64) -> i32 {
    if sum <= 0 {
        return 0;
    }
    let digits = sum.ilog10();
    let leading = sum / 10_i64.pow(digits);
    i32::try_from(2 * (digits + 1)).unwrap_or(i32::MAX) + i32::from(leading >= 3)
}

/// The least sum of a grade; `None` for those of nothing, and for those beyond what there is.
#[must_use]
pub fn least(weight: i32) -> Option<i64> {
    let digits = u32::try_from(weight / 2).ok()?.checked_sub(1)?;
    10_i64.checked_pow(digits)?.checked_mul(if weight % 2 == 1 { 3 } else { 1 })
}

/// The weights of a row after an addition: [`weight`] in SQL that both databases understand.
fn weights(table: &'static str) -> Vec<(&'static str, String)> {
    let after = |sum: &str| format!("{table}.{sum} + excluded.{sum}");
    let weighed = |ranking| match ranking {
        Ranking::Cost => after("cost_nanos"),
        Ranking::Requests => after("requests"),
        Ranking::Tokens => format!("{} + {}", after("tokens_in"), after("tokens_out")),
        Ranking::Errors => after("errors"),
    };
    let graded = |sum: String| {
        format!(
            "CASE WHEN {sum} <= 0 THEN 0 ELSE 2 * LENGTH(CAST({sum} AS TEXT)) \
             + CASE WHEN CAST({sum} AS TEXT) >= '3' THEN 1 ELSE 0 END END"
        )
    };
    RANKINGS.map(|ranking| (weight_column(ranking), graded(weighed(ranking)))).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_rise_and_begin_where_they_say() {
        assert_eq!((weight(-5), weight(0), least(0), least(1)), (0, 0, None, None));
        for grade in 2..=38 {
            let Some(from) = least(grade) else { panic!("no sum is of grade {grade}") };
            assert_eq!((weight(from), weight(from - 1)), (grade, if grade == 2 { 0 } else { grade - 1 }), "{from}");
        }
        assert_eq!((weight(i64::MAX), least(weight(i64::MAX) + 1)), (39, None));
    }
}
