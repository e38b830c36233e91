//! Usage records and their sums.

use std::time::Duration;

use entity::Timestamp;
use entity::usage::{Breakdown, Ranking, UsageRecord, UsageSummary};
use entity::vocab::Outcome;
use serde::Deserialize;

use super::crud::prelude::*;
use super::problem::Code;
use super::query::{before, limit, newest_first};
use crate::store;
use crate::store::usage::Filter;

/// The period of a summary when nobody says.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Which usage records.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UsageParams {
    /// The first instant that counts.
    from: Option<Timestamp>,
    /// The first instant that no longer counts.
    to: Option<Timestamp>,
    /// A virtual key, by the name that it had or by id.
    key: Option<String>,
    /// A team, by the name that it had or by id.
    team: Option<String>,
    /// A user, by the e-mail address that it had or by id.
    user: Option<String>,
    /// A model, by the name that the caller wrote or by id.
    model: Option<String>,
    /// A provider, by the name that it had or by id.
    provider: Option<String>,
    /// How the request ended.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// The HTTP status that the caller got.
    status: Option<u16>,
    /// The published error code.
    error_code: Option<String>,
    /// The handle of one request.
    request_id: Option<String>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 1_000, default = 100)]
    limit: Option<u32>,
    /// Where the page begins: the `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Usage records, newest first.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/usage", tag = "usage", operation_id = "list_usage",
    params(("organisation" = String, Path, description = "Slug or id."), UsageParams),
    responses((status = 200, description = "A page.", body = Page<UsageRecord>), Refusals)
)]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Params(params): Params<UsageParams>,
) -> Result<Json<Page<UsageRecord>>, ApiError> {
    let limit = limit(params.limit)?;
    let before = before(&params.cursor)?;
    let filter = Filter {
        from: params.from,
        to: params.to,
        key: params.key,
        team: params.team,
        user: params.user,
        model: params.model,
        provider: params.provider,
        outcome: params.outcome,
        status: params.status,
        error_code: params.error_code,
        request_id: params.request_id,
    };
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let records = store::usage::page(gateway.database.reader(), tenant.id, &filter, before, one_more).await?;
    Ok(Json(newest_first(records, limit, |record| (record.at.0, record.id.0))))
}

/// The record of one request.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/usage/{request}", tag = "usage", operation_id = "show_usage",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("request" = String, Path, description = "The request's id, as `X-Request-Id` told it."),
    ),
    responses((status = 200, description = "The record.", body = UsageRecord), Refusals)
)]
pub(super) async fn show(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Last(request): Last,
) -> Result<Json<UsageRecord>, ApiError> {
    let found = store::usage::by_request(gateway.database.reader(), tenant.id, &request).await?;
    found.map(Json).ok_or_else(|| ApiError::not_found("usage record of the request", &request))
}

/// What to sum up.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SummaryParams {
    /// The first instant that counts; 24 hours before `to` when absent.
    from: Option<Timestamp>,
    /// The first instant that no longer counts; now when absent.
    to: Option<Timestamp>,
    /// What the rows are about.
    #[param(inline)]
    by: Option<Breakdown>,
}

/// Sums over usage records.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/usage/summary", tag = "usage", operation_id = "summarise_usage",
    params(("organisation" = String, Path, description = "Slug or id."), SummaryParams),
    responses((status = 200, description = "The sums.", body = UsageSummary), Refusals)
)]
pub(super) async fn summary(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Params(params): Params<SummaryParams>,
) -> Result<Json<UsageSummary>, ApiError> {
    let (from, to) = period(&gateway, params.from, params.to)?;
    let by = params.by.unwrap_or_default();
    let (total, rows) = store::usage::summary(gateway.database.reader(), tenant.id, (from, to), by).await?;
    Ok(Json(UsageSummary { from, to, by, total, rows }))
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

/// Ranks what caused usage. `total` is the sum of everything, not only of the rows.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/usage/top", tag = "usage", operation_id = "rank_usage",
    params(("organisation" = String, Path, description = "Slug or id."), TopParams),
    responses((status = 200, description = "The ranking.", body = UsageSummary), Refusals)
)]
pub(super) async fn top(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Params(params): Params<TopParams>,
) -> Result<Json<UsageSummary>, ApiError> {
    let (from, to) = period(&gateway, params.from, params.to)?;
    let limit = u64::try_from(limit(params.limit)?).map_err(ApiError::internal)?;
    let (by, metric) = (params.by.unwrap_or_default(), params.metric.unwrap_or_default());
    let db = gateway.database.reader();
    let (total, rows) = store::usage::top(db, tenant.id, (from, to), by, metric, limit).await?;
    Ok(Json(UsageSummary { from, to, by, total, rows }))
}
