//! Usage, summed up: over any period, by anything, span by span, with percentiles.

use std::time::Duration;

use entity::Timestamp;
use entity::calendar;
use entity::usage::{Breakdown, Bucket, Ranking, UsageSummary};
use serde::Deserialize;

use super::crud::prelude::*;
use super::problem::Code;
use super::query::limit;
use super::usage::{EVERYONE, whose};
use crate::store;
use crate::store::usage::{Filter, Whose};
use crate::store::usage_sums::{self, Question};

/// The period of a summary when nobody says.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The most spans of one summary.
const SPANS: usize = 1_000;

/// What to sum up.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SummaryParams {
    /// The first instant that counts; 24 hours before `to` when absent.
    from: Option<Timestamp>,
    /// The first instant that no longer counts; now when absent.
    to: Option<Timestamp>,
    /// What the rows are about. With `bucket` and without this, they are about the spans alone.
    #[param(inline)]
    by: Option<Breakdown>,
    /// Spans of time that get rows of their own, at most 1 000.
    #[param(inline)]
    bucket: Option<Bucket>,
    /// Where days and months of `bucket` begin: a name of the IANA database; UTC when absent.
    timezone: Option<String>,
    /// Only usage of this virtual key, by the name that it had or by id.
    key: Option<String>,
    /// Only usage of this team, by the name that it had or by id.
    team: Option<String>,
    /// Only usage of this user, by the e-mail address that it had or by id.
    user: Option<String>,
    /// Only usage of this model, by the name that it had or by id.
    model: Option<String>,
    /// Only usage of this provider, by the name that it had or by id.
    provider: Option<String>,
    /// Of how many there are rows at the most: of those that cost most in the whole period, also where `bucket` gives each
    /// several rows.
    #[param(minimum = 1, maximum = 1_000, default = 100)]
    limit: Option<u32>,
}

/// What to rank.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TopParams {
    /// The first instant that counts; 24 hours before `to` when absent.
    from: Option<Timestamp>,
    /// The first instant that no longer counts; now when absent.
    to: Option<Timestamp>,
    /// What the rows are about.
    #[param(inline)]
    by: Option<Breakdown>,
    /// What the ranking goes by.
    #[param(inline)]
    metric: Option<Ranking>,
    /// The most rows.
    #[param(minimum = 1, maximum = 1_000, default = 100)]
    limit: Option<u32>,
}

/// Sums over usage, from rollups: exact also where records are gone, if the period begins and ends with an hour there.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/usage/summary", tag = "usage", operation_id = "summarise_usage",
    params(("organisation" = String, Path, description = "Slug or id."), SummaryParams),
    responses((status = 200, description = "The sums.", body = UsageSummary), Refusals)
)]
pub(super) async fn summary(
    State(gateway): State<Gateway>,
    reached: Reached,
    Params(params): Params<SummaryParams>,
) -> Result<Json<UsageSummary>, ApiError> {
    sum_up(&gateway, whose(&reached), params).await
}

/// Sums over the usage of every organisation.
#[utoipa::path(
    get, path = "/api/admin/usage/summary", tag = "admin", operation_id = "summarise_all_usage", params(SummaryParams),
    responses((status = 200, description = "The sums.", body = UsageSummary), Refusals)
)]
pub(super) async fn summary_all(
    State(gateway): State<Gateway>,
    Params(params): Params<SummaryParams>,
) -> Result<Json<UsageSummary>, ApiError> {
    sum_up(&gateway, EVERYONE, params).await
}

/// Ranks what caused usage. `total` is the sum of everything, not only of the rows.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/usage/top", tag = "usage", operation_id = "rank_usage",
    params(("organisation" = String, Path, description = "Slug or id."), TopParams),
    responses((status = 200, description = "The ranking.", body = UsageSummary), Refusals)
)]
pub(super) async fn top(
    State(gateway): State<Gateway>,
    reached: Reached,
    Params(params): Params<TopParams>,
) -> Result<Json<UsageSummary>, ApiError> {
    rank(&gateway, whose(&reached), params).await
}

/// Ranks what caused usage in any organisation.
#[utoipa::path(
    get, path = "/api/admin/usage/top", tag = "admin", operation_id = "rank_all_usage", params(TopParams),
    responses((status = 200, description = "The ranking.", body = UsageSummary), Refusals)
)]
pub(super) async fn top_all(
    State(gateway): State<Gateway>,
    Params(params): Params<TopParams>,
) -> Result<Json<UsageSummary>, ApiError> {
    rank(&gateway, EVERYONE, params).await
}

async fn sum_up(gateway: &Gateway, whose: Whose, params: SummaryParams) -> Result<Json<UsageSummary>, ApiError> {
    let (from, to) = period(gateway, params.from, params.to)?;
    let buckets = spans(params.bucket, params.timezone.as_deref(), from, to)?;
    let named = [
        (Breakdown::Key, params.key),
        (Breakdown::Team, params.team),
        (Breakdown::User, params.user),
        (Breakdown::Model, params.model),
        (Breakdown::Provider, params.provider),
    ];
    let by = if params.bucket.is_some() { params.by } else { Some(params.by.unwrap_or_default()) };
    let only = named.into_iter().filter_map(|(about, name)| Some((about, name?))).collect();
    let limit = u64::try_from(limit(params.limit)?).map_err(ApiError::internal)?;
    let ask = Ask { by, bucket: params.bucket, buckets, ranking: Ranking::Cost, limit, only };
    answer(gateway, whose, (from, to), ask).await
}

async fn rank(gateway: &Gateway, whose: Whose, params: TopParams) -> Result<Json<UsageSummary>, ApiError> {
    let (from, to) = period(gateway, params.from, params.to)?;
    let ask = Ask {
        by: Some(params.by.unwrap_or_default()),
        bucket: None,
        buckets: Vec::new(),
        ranking: params.metric.unwrap_or_default(),
        limit: u64::try_from(limit(params.limit)?).map_err(ApiError::internal)?,
        only: Vec::new(),
    };
    answer(gateway, whose, (from, to), ask).await
}

/// What is asked about a period.
struct Ask {
    by: Option<Breakdown>,
    bucket: Option<Bucket>,
    buckets: Vec<Timestamp>,
    ranking: Ranking,
    limit: u64,
    only: Vec<(Breakdown, String)>,
}

async fn answer(
    gateway: &Gateway,
    whose: Whose,
    (from, to): (Timestamp, Timestamp),
    ask: Ask,
) -> Result<Json<UsageSummary>, ApiError> {
    let db = gateway.database.reader();
    let by = ask.by.unwrap_or_default();
    let mut filter = of_records(from, to, &ask.only);
    filter.resolve(db, whose).await?;
    if ask.by.is_some_and(|by| !usage_sums::tells(by)) {
        if !ask.buckets.is_empty() {
            let title = "single statuses and errors are not summed up span by span";
            return Err(ApiError::new(Code::BadRequest, title).hint("use by=class, or leave `bucket` out"));
        }
        let (total, rows) = store::usage::top(db, whose, &filter, by, ask.ranking, ask.limit).await?;
        return Ok(Json(UsageSummary { from, to, by, bucket: None, total, units: 0, latency_us: None, rows }));
    }
    let kept = gateway.config.usage.minute_retention.map(|kept| i64::try_from(kept.as_micros()).unwrap_or(i64::MAX));
    let now = gateway.clock.now();
    let question = Question {
        whose,
        from,
        to,
        by: ask.by,
        buckets: ask.buckets,
        ranking: ask.ranking,
        limit: ask.limit,
        only: of_sums(filter),
        minutes_since: kept.map(|kept| Timestamp(now.0.saturating_sub(kept))),
        now,
    };
    let (total, rows) = usage_sums::sums(db, &question).await?;
    let (units, latency_us) = (total.units, total.latency_us);
    Ok(Json(UsageSummary { from, to, by, bucket: ask.bucket, total: total.totals, units, latency_us, rows }))
}

fn of_records(from: Timestamp, to: Timestamp, only: &[(Breakdown, String)]) -> Filter {
    let named = |about| only.iter().find(|(of, _)| *of == about).map(|(_, name)| name.clone());
    Filter {
        from: Some(from),
        to: Some(to),
        key: named(Breakdown::Key),
        team: named(Breakdown::Team),
        user: named(Breakdown::User),
        model: named(Breakdown::Model),
        provider: named(Breakdown::Provider),
        ..Filter::default()
    }
}

fn of_sums(filter: Filter) -> Vec<(Breakdown, String)> {
    let named = [
        (Breakdown::Key, filter.key),
        (Breakdown::Team, filter.team),
        (Breakdown::User, filter.user),
        (Breakdown::Model, filter.model),
        (Breakdown::Provider, filter.provider),
    ];
    named.into_iter().filter_map(|(about, name)| Some((about, name?))).collect()
}

fn period(
    gateway: &Gateway,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<(Timestamp, Timestamp), ApiError> {
    let to = to.unwrap_or_else(|| gateway.clock.now());
    let from = from.unwrap_or_else(|| to.minus(DAY));
    if from > to {
        return Err(ApiError::new(Code::BadRequest, "`from` is after `to`"));
    }
    Ok((from, to))
}

/// The first instants of the spans that a period touches.
fn spans(
    bucket: Option<Bucket>,
    timezone: Option<&str>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Timestamp>, ApiError> {
    let zone = calendar::zone(timezone.unwrap_or("UTC"))
        .ok_or_else(|| ApiError::new(Code::BadRequest, "`timezone` is not in the IANA database"))?;
    let Some(bucket) = bucket else { return Ok(Vec::new()) };
    let mut spans = Vec::new();
    let mut at = from;
    while at < to {
        let (start, end) = calendar::span(bucket, &zone, at)
            .ok_or_else(|| ApiError::new(Code::BadRequest, "the period is at the end of the calendar"))?;
        spans.push(start);
        at = end;
        if spans.len() > SPANS {
            let title = format!("the period has more than {SPANS} spans of that length");
            return Err(ApiError::new(Code::BadRequest, title).hint("ask for longer spans, or a shorter period"));
        }
    }
    Ok(spans)
}
