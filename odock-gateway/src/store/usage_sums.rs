//! Sums over any period, from rollups: exact, because the parts of a minute at both ends come from the records themselves.
//!
//! A period falls into whole days, whole hours, whole minutes, and what is left at its ends. Where sums by minute are no
//! longer kept, records stand in for them up to the next hour; sums by hour and day stay when records go.

use std::fmt::Write;

use entity::Timestamp;
use entity::live::Percentiles;
use entity::usage::{Breakdown, Ranking, UsageRow, UsageTotals};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};

use super::reach::{Member, Reach};
use super::rollups::{LATENCY, LATENCY_MS};
use super::usage::Whose;

/// Rows that an answer can have.
const ROWS: u64 = 10_000;
const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// What is summed, beside the histogram.
const SUMS: [&str; 8] =
    ["requests", "errors", "tokens_in", "tokens_out", "units", "cost_nanos", "unpriced", "latency_us"];

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
    /// The most rows.
    pub limit: u64,
    /// Only what is about these, by name or id.
    pub only: Vec<(Breakdown, String)>,
    /// Since when sums by minute are kept; for ever when absent.
    pub minutes_since: Option<Timestamp>,
}

impl Question {
    /// Whether rollups that leave out keys and users are enough.
    fn is_coarse(&self) -> bool {
        let names = |about: &Breakdown| matches!(about, Breakdown::Key | Breakdown::User);
        !self.whose.reach.is_limited()
            && !self.by.as_ref().is_some_and(names)
            && !self.only.iter().any(|(about, _)| names(about))
    }
}

/// Whether rollups tell what the rows are about. Single statuses and error codes stand in records only.
#[must_use]
pub const fn tells(by: Breakdown) -> bool {
    !matches!(by, Breakdown::Status | Breakdown::Error)
}

/// A part of the period, and where its sums stand: in rollups of a span, or in records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    span: Option<i64>,
    from: i64,
    to: i64,
}

/// The parts of a period, the longest span being `widest`.
fn parts(from: i64, to: i64, widest: i64, minutes_since: i64) -> Vec<Part> {
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
fn widest(buckets: &[Timestamp]) -> i64 {
    let aligned = |span: &i64| buckets.iter().skip(1).all(|at| at.0.rem_euclid(*span) == 0);
    [DAY, HOUR].into_iter().find(aligned).unwrap_or(MINUTE)
}

/// The sums of everything, and of each row.
pub async fn sums(db: &impl ConnectionTrait, question: &Question) -> Result<(UsageRow, Vec<UsageRow>), DbErr> {
    let total = Question { by: None, buckets: Vec::new(), limit: 1, ..question.clone() };
    let total = ask(db, &total).await?.pop().unwrap_or_else(|| UsageRow::of("-", UsageTotals::default()));
    if question.by.is_none() && question.buckets.is_empty() {
        return Ok((total, Vec::new()));
    }
    Ok((total, ask(db, question).await?))
}

async fn ask(db: &impl ConnectionTrait, question: &Question) -> Result<Vec<UsageRow>, DbErr> {
    let backend = db.get_database_backend();
    let mut statement = Writer { postgres: backend == DbBackend::Postgres, values: Vec::new() };
    let Some(sql) = statement.question(question) else { return Ok(Vec::new()) };
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, statement.values)).await?;
    let mut rows: Vec<UsageRow> = rows.iter().map(|row| read(row, question)).collect::<Result<_, _>>()?;
    // Sums over nothing are a row of nothing.
    rows.retain(|row| row.totals.requests > 0);
    Ok(rows)
}

/// Writes a statement with its values, numbered as the database wants them.
struct Writer {
    postgres: bool,
    values: Vec<Value>,
}

impl Writer {
    fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("{}{}", if self.postgres { '$' } else { '?' }, self.values.len())
    }

    /// The statement; `None` for an empty period.
    fn question(&mut self, question: &Question) -> Option<String> {
        let minutes_since = question.minutes_since.map_or(i64::MIN, |at| at.0);
        let parts = parts(question.from.0, question.to.0, widest(&question.buckets), minutes_since);
        let parts: Vec<String> = parts.into_iter().map(|part| self.part(question, part)).collect();
        if parts.is_empty() {
            return None;
        }
        let mut sql = String::from("SELECT name, bucket");
        // Postgres sums BIGINT as NUMERIC, which is more than we have room for. Writing to a string cannot fail.
        for sum in SUMS.into_iter().chain(LATENCY) {
            let _ = write!(sql, ", CAST(COALESCE(SUM({sum}), 0) AS BIGINT) AS {sum}");
        }
        let weight = match question.ranking {
            Ranking::Cost => "SUM(cost_nanos)",
            Ranking::Requests => "SUM(requests)",
            Ranking::Tokens => "SUM(tokens_in) + SUM(tokens_out)",
            Ranking::Errors => "SUM(errors)",
        };
        let _ = write!(
            sql,
            " FROM ({}) AS parts GROUP BY name, bucket ORDER BY bucket, {weight} DESC, SUM(requests) DESC, name LIMIT {}",
            parts.join(" UNION ALL "),
            question.limit.min(ROWS)
        );
        Some(sql)
    }

    fn part(&mut self, question: &Question, part: Part) -> String {
        let is_record = part.span.is_none();
        let time = if is_record { "at" } else { "starts_at" };
        let name = question.by.map_or_else(|| "'-'".to_owned(), |by| name_of(by, is_record));
        let bucket = self.bucket(&question.buckets, time);
        let mut sql = format!("SELECT {name} AS name, {bucket} AS bucket");
        for sum in SUMS {
            let expr = if is_record { self.of_record(sum) } else { format!("SUM({sum})") };
            let _ = write!(sql, ", {expr} AS {sum}");
        }
        for (index, column) in LATENCY.into_iter().enumerate() {
            let expr = if is_record { self.in_bucket(index) } else { format!("SUM({column})") };
            let _ = write!(sql, ", {expr} AS {column}");
        }
        let _ = write!(sql, " FROM {} WHERE ", if is_record { "usage_record" } else { "\"usage\"" });
        if let Some(organisation) = question.whose.organisation {
            let organisation = self.value(organisation.0);
            let _ = write!(sql, "organisation_id = {organisation} AND ");
        }
        if let Some(span) = part.span {
            // Written out: a plan for a day is not a plan for a minute.
            let coarse = if span > MINUTE && question.is_coarse() { "-" } else { "" };
            let _ = write!(sql, "span = {coarse}{} AND ", span / 1_000_000);
        }
        let (from, to) = (self.value(part.from), self.value(part.to));
        let _ = write!(sql, "{time} >= {from} AND {time} < {to}");
        self.reach(question.whose.reach, &mut sql);
        for (about, given) in &question.only {
            self.only(*about, given, &mut sql);
        }
        sql.push_str(" GROUP BY 1, 2");
        sql
    }

    /// Which of the buckets an instant is in.
    fn bucket(&mut self, buckets: &[Timestamp], time: &str) -> String {
        let Some((first, rest)) = buckets.split_first() else { return "CAST(0 AS BIGINT)".to_owned() };
        let mut sql = String::from("CASE");
        for at in rest.iter().rev() {
            let _ = write!(sql, " WHEN {time} >= {} THEN CAST({} AS BIGINT)", at.0, at.0);
        }
        if rest.is_empty() {
            return format!("CAST({} AS BIGINT)", first.0);
        }
        let _ = write!(sql, " ELSE CAST({} AS BIGINT) END", first.0);
        sql
    }

    /// What a group of records adds to a sum.
    fn of_record(&self, sum: &str) -> String {
        let units = if self.postgres { "CAST(tokens->>'units' AS BIGINT)" } else { "json_extract(tokens, '$.units')" };
        match sum {
            "requests" => "COUNT(*)".to_owned(),
            "errors" => "SUM(CASE WHEN status >= 400 THEN 1 ELSE 0 END)".to_owned(),
            "units" => format!("SUM(COALESCE({units}, 0))"),
            "unpriced" => "SUM(CASE WHEN model_id IS NOT NULL AND cost_nanos IS NULL THEN 1 ELSE 0 END)".to_owned(),
            other => format!("SUM(COALESCE({other}, 0))"),
        }
    }

    /// How many of a group of records are in a bucket of the histogram.
    fn in_bucket(&self, index: usize) -> String {
        let above = index.checked_sub(1).map(|below| format!("latency_us > {}", LATENCY_MS[below] * 1_000));
        let within = LATENCY_MS.get(index).map(|bound| format!("latency_us <= {}", bound * 1_000));
        let both: Vec<String> = above.into_iter().chain(within).collect();
        format!("SUM(CASE WHEN {} THEN 1 ELSE 0 END)", both.join(" AND "))
    }

    fn reach(&mut self, reach: Reach, sql: &mut String) {
        let _ = match reach {
            Reach::Everything => Ok(()),
            Reach::Own(member) => write!(sql, " AND user_id = {}", self.value(member.id())),
            Reach::Teams(member) => {
                let (one, two) = (self.value(member.id()), self.value(member.id()));
                let managed = match member {
                    Member::User(_) => format!("team_member WHERE user_id = {two} AND role = 'MANAGER'"),
                    Member::Account(_) => format!("service_account_team WHERE service_account_id = {two}"),
                };
                write!(sql, " AND (user_id = {one} OR team_id IN (SELECT team_id FROM {managed}))")
            }
        };
    }

    fn only(&mut self, about: Breakdown, given: &str, sql: &mut String) {
        let (id, name) = match about {
            Breakdown::Model => ("model_id", "model"),
            Breakdown::Key => ("api_key_id", "api_key"),
            Breakdown::Team => ("team_id", "team"),
            Breakdown::User => ("user_id", "\"user\""),
            Breakdown::Provider => ("provider_id", "provider"),
            Breakdown::Class | Breakdown::Status | Breakdown::Error => return,
        };
        let _ = match uuid::Uuid::try_parse(given) {
            Ok(given) => write!(sql, " AND {id} = {}", self.value(given)),
            Err(_) => write!(sql, " AND {name} = {}", self.value(given)),
        };
    }
}

/// What a row is about.
fn name_of(by: Breakdown, is_record: bool) -> String {
    match by {
        // Of a model that does not exist, rollups do not keep what the caller wrote.
        Breakdown::Model if is_record => "CASE WHEN model_id IS NULL THEN NULL ELSE model END".to_owned(),
        Breakdown::Model => "model".to_owned(),
        Breakdown::Key => "api_key".to_owned(),
        Breakdown::Team => "team".to_owned(),
        Breakdown::User => "\"user\"".to_owned(),
        Breakdown::Provider => "provider".to_owned(),
        Breakdown::Class if is_record => "CAST(status / 100 AS TEXT) || 'xx'".to_owned(),
        Breakdown::Class | Breakdown::Status => "CAST(status_class AS TEXT) || 'xx'".to_owned(),
        Breakdown::Error => "'-'".to_owned(),
    }
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
    fn percentiles_are_where_their_rank_is() {
        let mut histogram = [0; 16];
        assert_eq!(percentiles(&histogram), None);
        // 90 between 32 and 64 ms, 10 above 16 s.
        (histogram[6], histogram[15]) = (90, 10);
        let found = percentiles(&histogram).unwrap();
        assert_eq!((found.p50, found.p95, found.p99), (32_000 + 32_000 * 50 / 90, 16_384_000, 16_384_000));
    }
}
