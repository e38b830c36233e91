//! The hours in which there can be records that somebody looks for, from rollups: a search for what was slow, dear, or a
//! provider's need not read every record of an organisation to find that there is none.

use std::fmt::Write;

use entity::Timestamp;
use entity::usage::UsageRecord;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use uuid::Uuid;

use super::rollups::{LATENCY, LATENCY_MS};
use super::usage::{Filter, Whose, page_within};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
/// Days, and hours, that are looked through first; twice as many each time that they do not have enough.
const FIRST: usize = 4;

/// A span of time: its first instant, and the first one after it.
type Span = (i64, i64);

/// Where records are looked for.
#[derive(Debug, Default)]
pub(super) struct Within {
    /// In which spans of time; everywhere if there are none.
    pub(super) spans: Vec<Span>,
    /// Whose, if the search is not about one organisation's.
    pub(super) organisations: Vec<Uuid>,
}

/// A page of records like [`super::usage::page`], looked for hour by hour; `None` where rollups do not tell.
pub(super) async fn page(
    db: &impl ConnectionTrait,
    whose: Whose,
    filter: &Filter,
    before: Option<(Timestamp, Uuid)>,
    limit: u64,
) -> Result<Option<Vec<UsageRecord>>, DbErr> {
    let Some(hint) = Hint::of(whose, filter) else { return Ok(None) };
    let from = filter.from.map_or(0, |from| from.0);
    let to = filter.to.into_iter().map(|to| to.0).chain(before.map(|(at, _)| at.0.saturating_add(1))).min();
    let to = to.unwrap_or(i64::MAX);
    // Buckets that the period only touches may hold it, too.
    let days = hint.buckets(db, DAY, &[(from.saturating_sub(DAY - 1), to)]).await?;
    let (mut some_days, mut some_hours) = (FIRST, FIRST);
    let mut records = Vec::new();
    for days in growing(&days, &mut some_days) {
        let hours = hint.buckets(db, HOUR, &joined(days, DAY)).await?;
        for hours in growing(&hours, &mut some_hours) {
            let spans = joined(hours, HOUR);
            let organisations = hint.organisations(db, &spans).await?;
            let left = limit - records.len() as u64;
            let within = Within { spans, organisations };
            records.extend(page_within(db, whose, filter, before, &within, left).await?);
            if records.len() as u64 >= limit {
                return Ok(Some(records));
            }
        }
    }
    Ok(Some(records))
}

/// Parts of a list, each twice as long as the one before.
fn growing<'a>(mut rest: &'a [i64], count: &'a mut usize) -> impl Iterator<Item = &'a [i64]> {
    std::iter::from_fn(move || {
        let (some, others) = rest.split_at(rest.len().min(*count));
        (rest, *count) = (others, *count * 2);
        (!some.is_empty()).then_some(some)
    })
}

/// What a bucket must have for one of its records to be among those wanted.
struct Hint {
    whose: Whose,
    condition: String,
    values: Vec<Uuid>,
}

impl Hint {
    fn of(whose: Whose, filter: &Filter) -> Option<Self> {
        // These have indexes of their own, which are narrower.
        if filter.key.is_some() || filter.user.is_some() || filter.request_id.is_some() || filter.trace_id.is_some() {
            return None;
        }
        let mut hint = Self { whose, condition: String::new(), values: Vec::new() };
        // Writing to a string cannot fail.
        if let Some(cost) = filter.min_cost_nanos.filter(|cost| *cost > 0) {
            let _ = write!(hint.condition, " AND cost_nanos >= {cost}");
        }
        if let Some(latency) = filter.min_latency_us.filter(|latency| *latency > 0) {
            let latency = u64::try_from(latency).unwrap_or(0);
            let first = LATENCY_MS.iter().position(|bound| bound * 1_000 >= latency).unwrap_or(LATENCY_MS.len());
            let _ = write!(hint.condition, " AND {} > 0", LATENCY[first..].join(" + "));
        }
        // What it was called at the time stands in records only.
        for (column, given) in [("provider_id", &filter.provider), ("model_id", &filter.model)] {
            if let Some(id) = given.as_ref().and_then(|given| Uuid::try_parse(given).ok()) {
                hint.values.push(id);
                let _ = write!(hint.condition, " AND {column} = {{{}}}", hint.values.len());
            }
        }
        // Records are found by organisation and time, so that those of all organisations are found hour by hour.
        if hint.condition.is_empty() && whose.organisation.is_some() {
            return None;
        }
        if let Some(status) = filter.status {
            let _ = write!(hint.condition, " AND status_class = {}", status / 100);
        }
        Some(hint)
    }

    /// The buckets of a width that begin in one of the spans and have it, the latest first.
    async fn buckets(&self, db: &impl ConnectionTrait, width: i64, spans: &[Span]) -> Result<Vec<i64>, DbErr> {
        let backend = db.get_database_backend();
        let place = |n: usize| if backend == DbBackend::Postgres { format!("${n}") } else { format!("?{n}") };
        let mut values: Vec<Value> = self.values.iter().map(|id| Value::from(*id)).collect();
        let mut condition = self.condition.clone();
        for n in 1..=values.len() {
            condition = condition.replace(&format!("{{{n}}}"), &place(n));
        }
        if let Some(organisation) = self.whose.organisation {
            values.push(organisation.0.into());
            let _ = write!(condition, " AND organisation_id = {}", place(values.len()));
        }
        let sql = format!(
            "SELECT DISTINCT starts_at FROM \"usage\" WHERE span = -{} AND ({}){condition} ORDER BY starts_at DESC",
            width / 1_000_000,
            begun_in(spans)
        );
        let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        rows.iter().map(|row| row.try_get("", "starts_at")).collect()
    }

    /// Who has records in these hours, if it is not known.
    async fn organisations(&self, db: &impl ConnectionTrait, hours: &[Span]) -> Result<Vec<Uuid>, DbErr> {
        if self.whose.organisation.is_some() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT DISTINCT organisation_id FROM \"usage\" WHERE span = -{} AND ({})",
            HOUR / 1_000_000,
            begun_in(hours)
        );
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
        rows.iter().map(|row| row.try_get("", "organisation_id")).collect()
    }
}

fn begun_in(spans: &[Span]) -> String {
    let spans: Vec<String> =
        spans.iter().map(|(from, to)| format!("starts_at >= {from} AND starts_at < {to}")).collect();
    spans.join(" OR ")
}

/// Buckets that follow each other as one span. The latest bucket comes first.
fn joined(buckets: &[i64], width: i64) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for starts_at in buckets {
        match spans.last_mut() {
            Some(later) if later.0 == starts_at + width => later.0 = *starts_at,
            _ => spans.push((*starts_at, starts_at + width)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow() {
        let parts: Vec<Vec<i64>> = growing(&[1, 2, 3, 4, 5, 6], &mut 1).map(<[i64]>::to_vec).collect();
        assert_eq!(parts, [vec![1], vec![2, 3], vec![4, 5, 6]]);
    }

    #[test]
    fn buckets_that_touch_are_one_span() {
        assert_eq!(joined(&[90, 80, 60, 50, 40, 10], 10), [(80, 100), (40, 70), (10, 20)]);
        assert_eq!(joined(&[], 10), []);
    }
}
