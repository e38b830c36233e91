//! The first of a ranking of keys or users, found without adding up everybody.
//!
//! Who weighs much on some of the days is summed up; the last of the wanted rows comes to as much at the least. What somebody
//! comes to at the most follows from their weights alone, day by day, which an index tells. Only who may come to more than the
//! last of the wanted rows is summed up as well, the heaviest first, until nobody who is left may. Where a few cause most of the
//! usage, as is usual, they are few; where all cause the same, everybody is summed up after all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use entity::usage::{Ranking, UsageRow};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::parts::{DAY, HOUR};
use super::sql::{ROWS, Writer};
use super::{Question, ask};
use crate::store::rollups::days::{Subject, least, weight_column};

/// Candidates that are looked up at once. Whoever comes after these is summed up with everybody, if it comes to that.
const MOST: usize = 8_000;
/// Days of longer periods are too many for a bound by days.
const DAYS: i64 = 800;
/// More than anybody's day can sum up to without an overflow of all days.
const BOUND: i64 = i64::MAX / 1_024;

/// The rows of the answer; `None` where everybody has to be summed up.
pub(super) async fn first(db: &impl ConnectionTrait, question: &Question) -> Result<Option<Vec<UsageRow>>, DbErr> {
    // Minutes and records are found by time, not by name: of a short period, a few cost as much to sum up as everybody.
    if !question.buckets.is_empty() || question.to.0.saturating_sub(question.from.0) < 2 * HOUR {
        return Ok(None);
    }
    let Some(mut rows) = heaviest(db, question).await? else { return Ok(None) };
    let limit = usize::try_from(question.limit).unwrap_or(usize::MAX);
    if rows.len() < limit && question.ranking != Ranking::Requests {
        // Whoever comes to something is among them. Those that come to nothing follow by their requests, and the first of
        // them are among the first by requests, even if all the others are.
        let rest = Question { ranking: Ranking::Requests, ..question.clone() };
        let Some(rest) = heaviest(db, &rest).await? else { return Ok(None) };
        rows.extend(rest.into_iter().filter(|row| weight(row, question.ranking) == 0));
    }
    rows.sort_by(|one, other| {
        let order = |row: &UsageRow| (weight(row, question.ranking), row.totals.requests);
        order(other).cmp(&order(one)).then_with(|| name_of(one).cmp(name_of(other)))
    });
    rows.truncate(limit);
    Ok(Some(rows))
}

/// At least the first rows of those that come to something, in no order.
async fn heaviest(db: &impl ConnectionTrait, question: &Question) -> Result<Option<Vec<UsageRow>>, DbErr> {
    let Some(search) = Search::of(question) else { return Ok(None) };
    let limit = usize::try_from(question.limit).unwrap_or(usize::MAX);
    let mut found = Found { question, rows: BTreeMap::new() };
    found.add(db, search.samples(db).await?).await?;
    let candidates = search.candidates(db, found.least(limit)).await?;
    let mut rest = candidates.as_slice();
    let mut count = limit.max(100);
    while let Some((_, most)) = rest.first()
        && *most >= found.least(limit)
    {
        let (some, others) = rest.split_at(rest.len().min(count));
        let least = found.least(limit);
        let some = some.iter().filter(|(_, most)| *most >= least).map(|(name, _)| name.clone());
        found.add(db, some.collect()).await?;
        (rest, count) = (others, count.saturating_mul(2));
    }
    if rest.is_empty() && candidates.len() == MOST {
        // Nobody knows who would have come after them.
        return Ok(None);
    }
    let comes_to_something = |row: &UsageRow| weight(row, question.ranking) > 0;
    Ok(Some(found.rows.into_values().flatten().filter(comes_to_something).collect()))
}

/// What a row is ranked by.
pub(super) fn weight(row: &UsageRow, ranking: Ranking) -> i64 {
    let totals = &row.totals;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    match ranking {
        Ranking::Cost => totals.cost_nanos,
        Ranking::Requests => count(totals.requests),
        Ranking::Tokens => count(totals.tokens_in.saturating_add(totals.tokens_out)),
        Ranking::Errors => count(totals.errors),
    }
}

/// What days call the one that the row is about: nobody has the empty name.
pub(super) fn name_of(row: &UsageRow) -> &str {
    if row.name == "-" { "" } else { &row.name }
}

/// Who has been summed up: rows by name, none of whom there is nothing in the period.
struct Found<'a> {
    question: &'a Question,
    rows: BTreeMap<String, Option<UsageRow>>,
}

impl Found<'_> {
    async fn add(&mut self, db: &impl ConnectionTrait, mut names: Vec<String>) -> Result<(), DbErr> {
        names.retain(|name| !self.rows.contains_key(name));
        if names.is_empty() {
            return Ok(());
        }
        let all = Question { limit: ROWS, ..self.question.clone() };
        for row in ask(db, &all, Some(&names)).await? {
            self.rows.insert(name_of(&row).to_owned(), Some(row));
        }
        for name in names {
            self.rows.entry(name).or_default();
        }
        Ok(())
    }

    /// What the last of the first `limit` rows comes to at the least, and something in any case.
    fn least(&self, limit: usize) -> i64 {
        let mut weights: Vec<i64> =
            self.rows.values().flatten().map(|row| weight(row, self.question.ranking)).collect();
        weights.sort_unstable_by_key(|weight| std::cmp::Reverse(*weight));
        limit.checked_sub(1).and_then(|last| weights.get(last)).copied().unwrap_or(1).max(1)
    }
}

/// Where weights are looked up.
struct Search {
    organisation: uuid::Uuid,
    subject: Subject,
    ranking: Ranking,
    limit: u64,
    /// Days that the period touches: the first and the last.
    days: (i64, i64),
}

impl Search {
    fn of(question: &Question) -> Option<Self> {
        let (subject, organisation) = (question.subject()?, question.whose.organisation?);
        let days = (question.from.0.div_euclid(DAY), (question.to.0 - 1).div_euclid(DAY));
        let search =
            Self { organisation: organisation.0, subject, ranking: question.ranking, limit: question.limit, days };
        (search.touched() <= DAYS).then_some(search)
    }

    const fn touched(&self) -> i64 {
        self.days.1 - self.days.0 + 1
    }

    /// Who weighs the most on one of a few days.
    async fn samples(&self, db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
        let backend = db.get_database_backend();
        let mut writer = Writer::new(backend == DbBackend::Postgres);
        let (organisation, subject) = (writer.value(self.organisation), self.subject.as_str());
        let (weight, limit) = (weight_column(self.ranking), self.limit);
        let days = BTreeSet::from([self.days.0, self.days.0 + self.touched() / 2, self.days.1]);
        let of_day = |day: i64| {
            let day = day * DAY;
            format!(
                "SELECT name FROM (SELECT name FROM usage_day WHERE organisation_id = {organisation} \
                 AND subject = '{subject}' AND starts_at = {day} AND {weight} > 0 ORDER BY {weight} DESC LIMIT {limit}) AS day"
            )
        };
        let sql = days.into_iter().map(of_day).collect::<Vec<_>>().join(" UNION ");
        let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, writer.values)).await?;
        rows.iter().map(|row| row.try_get("", "name")).collect()
    }

    /// Who may come to a sum, with what they come to at the most, the greatest first: [`MOST`] of them, if there are so many.
    async fn candidates(&self, db: &impl ConnectionTrait, sum: i64) -> Result<Vec<(String, i64)>, DbErr> {
        let backend = db.get_database_backend();
        let mut writer = Writer::new(backend == DbBackend::Postgres);
        let (organisation, subject) = (writer.value(self.organisation), self.subject.as_str());
        let (weight, touched) = (weight_column(self.ranking), self.touched());
        // Who is below the grade on every day cannot come to it; who is not is known by the days on which they are not.
        let below = |grade: i32| least(grade).map_or(BOUND, |least| least - 1);
        let grade = (2..=39).take_while(|grade| below(*grade).saturating_mul(touched) < sum).last().unwrap_or(2);
        let of_day = match self.ranking {
            // The index of errors, which are seldom, holds their number as well.
            Ranking::Errors => "errors".to_owned(),
            _ => {
                let mut of_day = String::from("CASE");
                for grade in grade..39 {
                    // Writing to a string cannot fail.
                    let _ = write!(of_day, " WHEN {weight} = {grade} THEN {}", below(grade + 1).min(BOUND));
                }
                format!("{of_day} ELSE {BOUND} END")
            }
        };
        let other_days = below(grade);
        let most = format!("CAST(SUM({of_day}) + ({touched} - COUNT(*)) * CAST({other_days} AS BIGINT) AS BIGINT)");
        let days: Vec<String> = (self.days.0..=self.days.1).map(|day| (day * DAY).to_string()).collect();
        let sql = format!(
            "SELECT name, {most} AS most FROM usage_day WHERE organisation_id = {organisation} AND subject = '{subject}' \
             AND starts_at IN ({}) AND {weight} >= {grade} GROUP BY name HAVING {most} >= {sum} \
             ORDER BY 2 DESC, 1 LIMIT {MOST}",
            days.join(", ")
        );
        let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, writer.values)).await?;
        rows.iter().map(|row| Ok((row.try_get("", "name")?, row.try_get("", "most")?))).collect()
    }
}
