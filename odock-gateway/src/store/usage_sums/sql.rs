//! The statements that sum up.

use std::fmt::Write;

use entity::Timestamp;
use entity::usage::{Breakdown, Ranking};
use sea_orm::Value;

use super::Question;
use super::parts::{DAY, HOUR, MINUTE, Part, rounded, widest};
use crate::store::reach::{Member, Reach};
use crate::store::rollups::{LATENCY, LATENCY_MS};

/// Rows that an answer can have.
pub(super) const ROWS: u64 = 10_000;
/// Spans of a part that are looked up one by one: those of a quarter of a year, by hour.
const STEPS: i64 = 2_300;
/// What is summed, beside the histogram.
const SUMS: [&str; 8] =
    ["requests", "errors", "tokens_in", "tokens_out", "units", "cost_nanos", "unpriced", "latency_us"];

/// Which rows of a part, where names are given.
#[derive(Clone, Copy, Debug)]
enum Whom {
    /// Those of the names.
    Anybody,
    /// Those of no name.
    Nobody,
}

/// Writes a statement with its values, numbered as the database wants them.
pub(super) struct Writer {
    postgres: bool,
    /// What the numbers in the statement stand for.
    pub(super) values: Vec<Value>,
    /// The names that rows may have, as the statement spells them, and whether it may be none.
    names: Option<(String, bool)>,
}

impl Writer {
    pub(super) const fn new(postgres: bool) -> Self {
        Self { postgres, values: Vec::new(), names: None }
    }

    pub(super) fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("{}{}", if self.postgres { '$' } else { '?' }, self.values.len())
    }

    /// Values in a list.
    pub(super) fn list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> String {
        values.into_iter().map(|value| self.value(value)).collect::<Vec<_>>().join(", ")
    }

    /// The statement; `None` for an empty period.
    pub(super) fn question(&mut self, question: &Question, names: Option<&[String]>) -> Option<String> {
        // Written once: every part of the statement refers to the same values.
        self.names =
            names.map(|names| (self.list(names.iter().map(String::as_str)), names.iter().any(String::is_empty)));
        let minutes_since = question.minutes_since.map_or(i64::MIN, |at| at.0);
        let (from, to) = (question.from.0, question.to.0);
        let parts = rounded(from, to, widest(&question.buckets), minutes_since, question.now.0);
        let mut written = Vec::with_capacity(parts.len() + 2);
        for part in parts {
            written.push(self.part(question, part, Whom::Anybody));
            // Hours of nobody are not found by a name. On their own, they do not keep the others from being found by theirs.
            if part.span == Some(HOUR) && self.names.as_ref().is_some_and(|(_, is_none)| *is_none) {
                written.push(self.part(question, part, Whom::Nobody));
            }
        }
        let parts = written;
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
        // The databases do not agree on where what has no name comes.
        let _ = write!(
            sql,
            " FROM ({}) AS parts GROUP BY name, bucket ORDER BY bucket, {weight} DESC, SUM(requests) DESC, COALESCE(name, '') LIMIT {}",
            parts.join(" UNION ALL "),
            if question.buckets.is_empty() { question.limit.min(ROWS) } else { ROWS }
        );
        Some(sql)
    }

    fn part(&mut self, question: &Question, part: Part, whom: Whom) -> String {
        let is_record = part.span.is_none();
        let minus = if part.minus { "-" } else { "" };
        let time = if is_record { "at" } else { "starts_at" };
        let subject = question.subject().filter(|_| part.span == Some(DAY));
        let name = match (question.by, subject) {
            (_, Some(_)) => "NULLIF(name, '')".to_owned(),
            (Some(by), None) => name_of(by, is_record),
            (None, None) => "'-'".to_owned(),
        };
        let bucket = self.bucket(&question.buckets, time);
        let mut sql = format!("SELECT {name} AS name, {bucket} AS bucket");
        for sum in SUMS {
            let expr = if is_record { self.of_record(sum) } else { format!("SUM({sum})") };
            let _ = write!(sql, ", {minus}{expr} AS {sum}");
        }
        for (index, column) in LATENCY.into_iter().enumerate() {
            let expr = if is_record { self.in_bucket(index) } else { format!("SUM({column})") };
            let _ = write!(sql, ", {minus}{expr} AS {column}");
        }
        let table = match (part.span, subject) {
            (None, _) => "usage_record",
            (Some(_), Some(_)) => "usage_day",
            (Some(_), None) => "\"usage\"",
        };
        let _ = write!(sql, " FROM {table} WHERE ");
        if let Some(organisation) = question.whose.organisation {
            let organisation = self.value(organisation.0);
            let _ = write!(sql, "organisation_id = {organisation} AND ");
        } else if !(question.is_coarse() && part.span.is_some_and(|span| span > MINUTE)) {
            // Whatever is not coarse is found by organisation. Who has anything in this time, coarse rollups tell.
            let span = if part.span == Some(DAY) { DAY } else { HOUR };
            let _ = write!(
                sql,
                "organisation_id IN (SELECT organisation_id FROM \"usage\" WHERE span = -{} AND starts_at >= {} AND starts_at < {}) AND ",
                span / 1_000_000,
                part.from.div_euclid(span) * span,
                part.to
            );
        }
        match (part.span, subject) {
            (None, _) => {}
            (Some(_), Some(subject)) => {
                let _ = write!(sql, "subject = '{}' AND ", subject.as_str());
            }
            (Some(span), None) => {
                // Written out: a plan for a day is not a plan for a minute.
                let coarse = if span > MINUTE && question.is_coarse() { "-" } else { "" };
                let _ = write!(sql, "span = {coarse}{} AND ", span / 1_000_000);
            }
        }
        self.time(question, part, time, &mut sql);
        self.named(question, part, whom, &mut sql);
        self.reach(question.whose.reach, &mut sql);
        for (about, given) in &question.only {
            self.only(*about, given, &mut sql);
        }
        sql.push_str(" GROUP BY 1, 2");
        sql
    }

    fn time(&mut self, question: &Question, part: Part, time: &str, sql: &mut String) {
        let about_key = question.only.iter().any(|(about, _)| *about == Breakdown::Key);
        let steps = part.span.map(|span| (part.to - part.from) / span);
        // The keys of a span stand together. Named one by one, its spans are looked up; as a range, they would be read
        // with everybody's keys.
        if let (true, Some(span), Some(1..=STEPS)) = (about_key, part.span, steps) {
            let spans: Vec<String> = (0..)
                .map(|step| part.from + step * span)
                .take_while(|at| *at < part.to)
                .map(|at| at.to_string())
                .collect();
            let _ = write!(sql, "{time} IN ({})", spans.join(", "));
            return;
        }
        // Written out, so that each period gets a plan of its own: Postgres would soon keep one that suits none.
        let _ = write!(sql, "{time} >= {} AND {time} < {}", part.from, part.to);
    }

    fn named(&self, question: &Question, part: Part, whom: Whom, sql: &mut String) {
        let Some((names, is_none)) = &self.names else { return };
        let column = match (part.span, question.by) {
            (Some(DAY), _) => "name",
            (_, Some(Breakdown::Key)) => "api_key",
            _ => "\"user\"",
        };
        let _ = match (part.span, whom) {
            (_, Whom::Nobody) => write!(sql, " AND {column} IS NULL"),
            (Some(DAY | HOUR), Whom::Anybody) => write!(sql, " AND {column} IN ({names})"),
            (_, Whom::Anybody) if *is_none => write!(sql, " AND ({column} IN ({names}) OR {column} IS NULL)"),
            _ => write!(sql, " AND {column} IN ({names})"),
        };
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
            Reach::Own(member) => {
                let own = self.value(member.id());
                write!(sql, " AND user_id = {own}{}", self.indexed("user_id"))
            }
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

    /// What the indexes of users and teams hold, so that the database knows that they may be used.
    fn indexed(&self, id: &str) -> String {
        let nil = "00000000000000000000000000000000";
        if self.postgres { format!(" AND {id} <> '{nil}'") } else { format!(" AND {id} <> x'{nil}'") }
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
            Ok(given) => {
                let given = self.value(given);
                let indexed =
                    if matches!(about, Breakdown::Team | Breakdown::User) { self.indexed(id) } else { String::new() };
                write!(sql, " AND {id} = {given}{indexed}")
            }
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
