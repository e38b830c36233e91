//! Usage records and their sums.

use entity::Timestamp;
use entity::usage::UsageRecord;
use entity::vocab::Outcome;
use serde::Deserialize;

use super::crud::prelude::*;
use super::problem::Code;
use super::query::{before, limit, newest_first};
use crate::store;
use crate::store::reach::Reach;
use crate::store::usage::{Filter, Whose};

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
    /// The trace that a caller sent along.
    trace_id: Option<String>,
    /// The route, such as `/v1/chat/completions`.
    endpoint: Option<String>,
    /// Only requests that cost at least this many nanos of USD.
    #[param(minimum = 0)]
    min_cost_nanos: Option<i64>,
    /// Only requests that took at least this many microseconds.
    #[param(minimum = 0)]
    min_latency_us: Option<i64>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 1_000, default = 100)]
    limit: Option<u32>,
    /// Where the page begins: the `nextCursor` of the page before.
    cursor: Option<String>,
}

/// What a caller reaches in an organisation.
pub(super) fn whose(reached: &Reached) -> Whose {
    Whose { organisation: Some(reached.tenant.id), reach: reached.reach }
}

/// Everybody's.
pub(super) const EVERYONE: Whose = Whose { organisation: None, reach: Reach::Everything };

/// Usage records, newest first.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/usage", tag = "usage", operation_id = "list_usage",
    params(("organisation" = String, Path, description = "Slug or id."), UsageParams),
    responses((status = 200, description = "A page.", body = Page<UsageRecord>), Refusals)
)]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    reached: Reached,
    Params(params): Params<UsageParams>,
) -> Result<Json<Page<UsageRecord>>, ApiError> {
    page(&gateway, whose(&reached), params).await
}

/// Usage records of every organisation, newest first.
#[utoipa::path(
    get, path = "/api/admin/usage", tag = "admin", operation_id = "list_all_usage", params(UsageParams),
    responses((status = 200, description = "A page.", body = Page<UsageRecord>), Refusals)
)]
pub(super) async fn list_all(
    State(gateway): State<Gateway>,
    Params(params): Params<UsageParams>,
) -> Result<Json<Page<UsageRecord>>, ApiError> {
    page(&gateway, EVERYONE, params).await
}

/// A bound below which nothing lies.
fn not_negative(name: &str, bound: Option<i64>) -> Result<Option<i64>, ApiError> {
    match bound {
        Some(bound) if bound < 0 => {
            Err(ApiError::new(Code::BadRequest, format!("`{name}` is {bound}; it cannot be below 0")))
        }
        bound => Ok(bound),
    }
}

async fn page(gateway: &Gateway, whose: Whose, params: UsageParams) -> Result<Json<Page<UsageRecord>>, ApiError> {
    let limit = limit(params.limit)?;
    let before = before(&params.cursor)?;
    let mut filter = Filter {
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
        trace_id: params.trace_id,
        endpoint: params.endpoint,
        min_cost_nanos: not_negative("minCostNanos", params.min_cost_nanos)?,
        min_latency_us: not_negative("minLatencyUs", params.min_latency_us)?,
    };
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let db = gateway.database.reader();
    filter.resolve(db, whose).await?;
    let records = store::usage::page(db, whose, &filter, before, one_more).await?;
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
    reached: Reached,
    Last(request): Last,
) -> Result<Json<UsageRecord>, ApiError> {
    let found = store::usage::by_request(gateway.database.reader(), whose(&reached), &request).await?;
    found.map(Json).ok_or_else(|| ApiError::not_found("usage record of the request", &request))
}
