//! Who can be among the first of a ranking, found without adding up everybody.
//!
//! A few names that weigh much on some of the days give a sum that the last of the wanted rows reaches at the least. Whoever
//! weighs less than a grade on every day cannot come to it, if the least sum of that grade times the days is not more. So only
//! who reaches the grade on some day is summed up. Where a few cause most of the usage, as is usual, they are few; where all
//! cause the same, everybody is summed up after all.

use std::collections::BTreeSet;

use entity::usage::Ranking;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::Question;
use super::parts::{DAY, parts, widest};
use super::sql::Writer;
use crate::store::rollups::days::{Subject, least, weight_column};

/// Candidates beyond which it is not worth while to name them.
const MOST: usize = 8_000;
/// Days of longer periods are too many for a bound by days.
const DAYS: i64 = 800;
/// Days of which the first are looked at for a sum to be reached.
const SAMPLES: usize = 3;

/// The names among which the rows of the answer are; `None` where they may be anybody's.
pub(super) async fn candidates(db: &impl ConnectionTrait, question: &Question) -> Result<Option<Vec<String>>, DbErr> {
    let (Some(subject), Some(organisation)) = (question.subject(), question.whose.organisation) else {
        return Ok(None);
    };
    let all = parts(question.from.0, question.to.0, widest(&question.buckets), i64::MIN);
    let Some(whole) = all.iter().find(|part| part.span == Some(DAY)) else { return Ok(None) };
    let (first, last) = (question.from.0.div_euclid(DAY), (question.to.0 - 1).div_euclid(DAY));
    let touched = last - first + 1;
    if !question.buckets.is_empty() || touched > DAYS {
        return Ok(None);
    }
    let search = Search { organisation: organisation.0, subject, ranking: question.ranking };
    let samples: BTreeSet<i64> = [whole.to - DAY, whole.from, whole.from + (whole.to - whole.from) / DAY / 2 * DAY]
        .into_iter()
        .take(SAMPLES)
        .collect();
    let reached = search.reached(db, (whole.from, whole.to), &samples, question.limit).await?;
    let Some(grade) = (2..).take_while(|grade| bound(*grade, touched) < reached).last() else { return Ok(None) };
    let names = search.weighing(db, (first..=last).map(|day| day * DAY), grade).await?;
    Ok((names.len() <= MOST).then_some(names))
}

/// The most that somebody who is below a grade on each of so many days comes to.
fn bound(grade: i32, days: i64) -> i64 {
    least(grade).map_or(i64::MAX, |least| (least - 1).saturating_mul(days))
}

struct Search {
    organisation: uuid::Uuid,
    subject: Subject,
    ranking: Ranking,
}

impl Search {
    /// What the last of the first `limit` rows comes to at the least; nothing if there are not as many.
    async fn reached(
        &self,
        db: &impl ConnectionTrait,
        (from, to): (i64, i64),
        samples: &BTreeSet<i64>,
        limit: u64,
    ) -> Result<i64, DbErr> {
        let backend = db.get_database_backend();
        let mut writer = Writer::new(backend == DbBackend::Postgres);
        let (organisation, subject) = (writer.value(self.organisation), self.subject.as_str());
        let weight = weight_column(self.ranking);
        let heaviest = |day: &i64| {
            format!(
                "SELECT name FROM (SELECT name FROM usage_day WHERE organisation_id = {organisation} \
                 AND subject = '{subject}' AND starts_at = {day} AND {weight} > 0 ORDER BY {weight} DESC LIMIT {limit}) AS day"
            )
        };
        let heaviest: Vec<String> = samples.iter().map(heaviest).collect();
        let summed = match self.ranking {
            Ranking::Cost => "cost_nanos",
            Ranking::Requests => "requests",
            Ranking::Tokens => "tokens_in + tokens_out",
            Ranking::Errors => "errors",
        };
        let sql = format!(
            "SELECT CAST(SUM({summed}) AS BIGINT) AS reached FROM usage_day WHERE organisation_id = {organisation} \
             AND subject = '{subject}' AND name IN ({}) AND starts_at >= {from} AND starts_at < {to} \
             GROUP BY name ORDER BY 1 DESC LIMIT 1 OFFSET {}",
            heaviest.join(" UNION "),
            limit.saturating_sub(1)
        );
        let row = db.query_one_raw(Statement::from_sql_and_values(backend, sql, writer.values)).await?;
        row.map_or(Ok(0), |row| row.try_get("", "reached"))
    }

    /// Who is of a grade or a higher one on one of the days. At most one more than is worth while.
    async fn weighing(
        &self,
        db: &impl ConnectionTrait,
        days: impl Iterator<Item = i64>,
        grade: i32,
    ) -> Result<Vec<String>, DbErr> {
        let backend = db.get_database_backend();
        let mut writer = Writer::new(backend == DbBackend::Postgres);
        let (organisation, subject) = (writer.value(self.organisation), self.subject.as_str());
        let days: Vec<String> = days.map(|day| day.to_string()).collect();
        let sql = format!(
            "SELECT DISTINCT name FROM usage_day WHERE organisation_id = {organisation} AND subject = '{subject}' \
             AND starts_at IN ({}) AND {} >= {grade} LIMIT {}",
            days.join(", "),
            weight_column(self.ranking),
            MOST + 1
        );
        let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, writer.values)).await?;
        rows.iter().map(|row| row.try_get("", "name")).collect()
    }
}
