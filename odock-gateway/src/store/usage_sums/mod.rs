//! Sums over any period, from rollups: exact, because the parts of a minute at both ends come from the records themselves.
//!
//! A period falls into whole days, whole hours, whole minutes, and what is left at its ends. Where sums by minute are no
//! longer kept, records stand in for them up to the next hour; sums by hour and day stay when records go. Of a day that is mostly
//! in the period, the rest is taken off. What is about keys or users takes whole days from [`super::rollups::days`], and leaves
//! out whoever cannot be among those wanted (`ranking.rs`).

mod parts;
mod ranking;
mod sql;

use std::collections::{BTreeMap, BTreeSet};

use entity::Timestamp;
use entity::live::Percentiles;
use entity::usage::{Breakdown, Ranking, UsageRow, UsageTotals};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

use self::sql::Writer;
use super::rollups::days::Subject;
use super::rollups::{LATENCY, LATENCY_MS};
use super::usage::Whose;

/// What is to be summed up.
#[derive(Clone, Debug)]
pub struct Question {
    /// Whose usage.
    pub whose: Whose,
    /// The first instant that counts.
    pub from: Timestamp,
    /// The first instant that no longer counts.
    pub to: Timestamp,
    /// What the rows are about; `None` where only the whole is asked for.
    pub by: Option<Breakdown>,
    /// The first instants of spans that get rows of their own, rising; none for one row over all.
    pub buckets: Vec<Timestamp>,
    /// What the rows are ordered by, falling.
    pub ranking: Ranking,
    /// Of how many there are rows at the most; each has one for each of the spans.
    pub limit: u64,
    /// Only what is about these, by name or id.
    pub only: Vec<(Breakdown, String)>,
    /// Since when sums by minute are kept; for ever when absent.
    pub minutes_since: Option<Timestamp>,
    /// The time; there are hardly any records after it.
    pub now: Timestamp,
}

impl Question {
    /// Whether rollups that leave out keys and users are enough.
    fn is_coarse(&self) -> bool {
        let names = |about: &Breakdown| matches!(about, Breakdown::Key | Breakdown::User);
        !self.whose.reach.is_limited()
            && !self.by.as_ref().is_some_and(names)
            && !self.only.iter().any(|(about, _)| names(about))
    }

    /// Whose days tell it, if days of keys or users do.
    fn subject(&self) -> Option<Subject> {
        let subject = self.by.and_then(Subject::of)?;
        let is_whole = self.whose.organisation.is_some() && !self.whose.reach.is_limited() && self.only.is_empty();
        is_whole.then_some(subject)
    }
}

/// Whether rollups tell what the rows are about. Single statuses and error codes stand in records only.
#[must_use]
pub const fn tells(by: Breakdown) -> bool {
    !matches!(by, Breakdown::Status | Breakdown::Error)
}

/// The sums of everything, and of each row.
pub async fn sums(db: &impl ConnectionTrait, question: &Question) -> Result<(UsageRow, Vec<UsageRow>), DbErr> {
    let total = Question { by: None, buckets: Vec::new(), limit: 1, ..question.clone() };
    let total = ask(db, &total, None).await?.pop().unwrap_or_else(|| UsageRow::of("-", UsageTotals::default()));
    if question.by.is_none() && question.buckets.is_empty() {
        return Ok((total, Vec::new()));
    }
    if question.buckets.is_empty() || question.by.is_none() {
        return Ok((total, first(db, question).await?));
    }
    if question.subject().is_none() {
        return Ok((total, of_the_first(ask(db, question, None).await?, question)));
    }
    let whole = first(db, &Question { buckets: Vec::new(), ..question.clone() }).await?;
    let names: Vec<String> = whole.iter().map(|row| ranking::name_of(row).to_owned()).collect();
    let rows = if names.is_empty() { Vec::new() } else { ask(db, question, Some(&names)).await? };
    Ok((total, rows))
}

/// The first rows of a ranking.
async fn first(db: &impl ConnectionTrait, question: &Question) -> Result<Vec<UsageRow>, DbErr> {
    match ranking::first(db, question).await? {
        Some(rows) => Ok(rows),
        None => ask(db, question, None).await,
    }
}

/// The rows, span by span, of those that come first over all spans.
fn of_the_first(mut rows: Vec<UsageRow>, question: &Question) -> Vec<UsageRow> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for row in &rows {
        let sum = sums.entry(row.name.clone()).or_default();
        *sum = sum.saturating_add(ranking::weight(row, question.ranking));
    }
    let limit = usize::try_from(question.limit).unwrap_or(usize::MAX);
    if sums.len() > limit {
        let mut ranked: Vec<(i64, String)> = sums.into_iter().map(|(name, sum)| (sum, name)).collect();
        ranked.sort_by(|(one, a), (other, b)| other.cmp(one).then(a.cmp(b)));
        let kept: BTreeSet<String> = ranked.into_iter().take(limit).map(|(_, name)| name).collect();
        rows.retain(|row| kept.contains(&row.name));
    }
    rows
}

/// Sums up what has one of these names, or everything.
async fn ask(db: &impl ConnectionTrait, question: &Question, names: Option<&[String]>) -> Result<Vec<UsageRow>, DbErr> {
    let backend = db.get_database_backend();
    let mut statement = Writer::new(backend == DbBackend::Postgres);
    let Some(sql) = statement.question(question, names) else { return Ok(Vec::new()) };
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, statement.values)).await?;
    let mut rows: Vec<UsageRow> = rows.iter().map(|row| read(row, question)).collect::<Result<_, _>>()?;
    // Sums over nothing are a row of nothing.
    rows.retain(|row| row.totals.requests > 0);
    Ok(rows)
}

fn read(row: &QueryResult, question: &Question) -> Result<UsageRow, DbErr> {
    let sum = |name: &str| row.try_get::<i64>("", name);
    let count = |name: &str| Ok::<_, DbErr>(u64::try_from(sum(name)?).unwrap_or(0));
    let requests = count("requests")?;
    let mut histogram = [0; LATENCY.len()];
    for (bucket, name) in histogram.iter_mut().zip(LATENCY) {
        *bucket = count(name)?;
    }
    let totals = UsageTotals {
        requests,
        errors: count("errors")?,
        tokens_in: count("tokens_in")?,
        tokens_out: count("tokens_out")?,
        cost_nanos: sum("cost_nanos")?,
        unpriced: count("unpriced")?,
        mean_latency_us: count("latency_us")?.checked_div(requests).unwrap_or(0),
    };
    let name: Option<String> = row.try_get("", "name")?;
    let at = Timestamp(sum("bucket")?);
    Ok(UsageRow {
        at: (!question.buckets.is_empty()).then_some(at),
        units: count("units")?,
        latency_us: percentiles(&histogram),
        ..UsageRow::of(name.as_deref().unwrap_or("-"), totals)
    })
}

/// Percentiles of a histogram: within its bucket a value is taken to stand where its rank does. `None` of nothing.
fn percentiles(histogram: &[u64; LATENCY.len()]) -> Option<Percentiles> {
    let all: u64 = histogram.iter().sum();
    let at = |percent: u64| {
        let rank = (all * percent).div_ceil(100).max(1);
        let mut below = 0;
        for (index, count) in histogram.iter().enumerate() {
            if below + count >= rank {
                let low = index.checked_sub(1).map_or(0, |before| LATENCY_MS[before] * 1_000);
                // The last bucket has no end; what is in it took at least as long as it begins.
                let high = LATENCY_MS.get(index).map_or(low, |bound| bound * 1_000);
                return low + (high - low) * (rank - below) / count;
            }
            below += count;
        }
        0
    };
    (all > 0).then(|| Percentiles { p50: at(50), p95: at(95), p99: at(99) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_where_their_rank_is() {
        let mut histogram = [0; 16];
        assert_eq!(percentiles(&histogram), None);
        // 90 between 32 and 64 ms, 10 above 16 s.
        (histogram[6], histogram[15]) = (90, 10);
        let found = percentiles(&histogram).unwrap();
        assert_eq!((found.p50, found.p95, found.p99), (32_000 + 32_000 * 50 / 90, 16_384_000, 16_384_000));
    }
}
