//! Budgets and quotas at work, and what they add up to.

use entity::OrganisationId;
use entity::ledger::{Invoice, InvoiceSummary, Invoices, LimitStatuses, Verification};
use entity::usage::Ranking;
use entity::vocab::Period;
use entity::{Timestamp, calendar};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::crud::prelude::*;
use super::problem::Code;
use crate::store;
use crate::store::reach::Reach;
use crate::store::usage::Whose;
use crate::store::usage_sums::{self, Question};

/// Budgets and quotas with their open windows, what was used in the last hour, and when they run out.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/limits", tag = "ledger", operation_id = "list_limits",
    params(("organisation" = String, Path, description = "Slug or id.")),
    responses((status = 200, description = "All of them.", body = LimitStatuses), Refusals)
)]
pub(super) async fn limits(State(gateway): State<Gateway>, reached: Reached) -> Result<Json<LimitStatuses>, ApiError> {
    let (db, now) = (gateway.database.reader(), gateway.clock.now());
    Ok(Json(LimitStatuses {
        items: store::statuses::of_organisation(db, reached.tenant.id, reached.reach, now).await?,
    }))
}

/// The months that an invoice list goes back.
const MONTHS: usize = 24;

/// The months of an organisation, newest first, up to two years back: what each comes to, from rollups.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/invoices", tag = "ledger", operation_id = "list_invoices",
    params(("organisation" = String, Path, description = "Slug or id.")),
    responses((status = 200, description = "The months that have usage, and the current one.", body = Invoices), Refusals)
)]
pub(super) async fn invoices(State(gateway): State<Gateway>, tenant: Tenant) -> Result<Json<Invoices>, ApiError> {
    let now = gateway.clock.now();
    let mut months: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(MONTHS);
    let mut at = now;
    while months.len() < MONTHS {
        let Some(month) = calendar::window(Period::Monthly, &TimeZone::UTC, at) else { break };
        months.push(month);
        at = Timestamp(month.0.0 - 1);
    }
    let (Some(first), Some(last)) = (months.last(), months.first()) else {
        return Ok(Json(Invoices { items: Vec::new() }));
    };
    let question = Question {
        whose: Whose { organisation: Some(tenant.id), reach: Reach::Everything },
        from: first.0,
        to: last.1,
        by: None,
        buckets: months.iter().rev().map(|(start, _)| *start).collect(),
        ranking: Ranking::Cost,
        limit: u64::try_from(MONTHS).unwrap_or(u64::MAX),
        only: Vec::new(),
        minutes_since: None,
        now,
    };
    let (_, rows) = usage_sums::sums(gateway.database.reader(), &question).await?;
    let item = |(from, to): &(Timestamp, Timestamp)| {
        let totals = rows.iter().find(|row| row.at == Some(*from)).map(|row| &row.totals);
        InvoiceSummary {
            from: *from,
            to: *to,
            total_nanos: totals.map_or(0, |totals| totals.cost_nanos),
            records: totals.map_or(0, |totals| totals.requests),
            unpriced: totals.map_or(0, |totals| totals.unpriced),
        }
    };
    let items = months.iter().map(item).filter(|month| month.records > 0 || month.to > now).collect();
    Ok(Json(Invoices { items }))
}

/// The period of an invoice.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct InvoiceParams {
    /// The first instant that counts; the beginning of the current month in UTC when absent.
    from: Option<Timestamp>,
    /// The first instant that no longer counts; the end of the month in UTC that `from` is in when absent.
    to: Option<Timestamp>,
}

/// What an organisation owes for a period, as its usage records say it.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/invoices/preview", tag = "ledger", operation_id = "preview_invoice",
    params(("organisation" = String, Path, description = "Slug or id."), InvoiceParams),
    responses((status = 200, description = "The invoice.", body = Invoice), Refusals)
)]
pub(super) async fn invoice(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Params(params): Params<InvoiceParams>,
) -> Result<Json<Invoice>, ApiError> {
    let month = |at| {
        calendar::window(Period::Monthly, &TimeZone::UTC, at)
            .ok_or_else(|| ApiError::new(Code::BadRequest, "`from` is at the end of the calendar"))
    };
    let from = match params.from {
        Some(from) => from,
        None => month(gateway.clock.now())?.0,
    };
    let to = match params.to {
        Some(to) => to,
        None => month(from)?.1,
    };
    if from > to {
        return Err(ApiError::new(Code::BadRequest, "`from` is after `to`"));
    }
    let lines = store::invoices::lines(gateway.database.reader(), tenant.id, (from, to)).await?;
    Ok(Json(Invoice {
        organisation: tenant.slug,
        from,
        to,
        total_nanos: lines.iter().map(|line| line.cost_nanos).sum(),
        records: lines.iter().map(|line| line.requests).sum(),
        unpriced: lines.iter().map(|line| line.unpriced).sum(),
        lines,
    }))
}

/// Recomputes every window and every rollup of the organisation from its usage records, in one snapshot, and names what does
/// not add up.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/ledger/verify", tag = "ledger", operation_id = "verify_ledger",
    params(("organisation" = String, Path, description = "Slug or id.")),
    responses((status = 200, description = "What was found.", body = Verification), Refusals)
)]
pub(super) async fn verify(State(gateway): State<Gateway>, tenant: Tenant) -> Result<Json<Verification>, ApiError> {
    recompute(&gateway, Some(tenant.id)).await
}

/// Recomputes the books of every organisation.
#[utoipa::path(
    get, path = "/api/admin/ledger/verify", tag = "admin", operation_id = "verify_every_ledger",
    responses((status = 200, description = "What was found.", body = Verification), Refusals)
)]
pub(super) async fn verify_all(State(gateway): State<Gateway>) -> Result<Json<Verification>, ApiError> {
    recompute(&gateway, None).await
}

async fn recompute(gateway: &Gateway, of: Option<OrganisationId>) -> Result<Json<Verification>, ApiError> {
    let kept = gateway.config.usage.retention.map(|kept| i64::try_from(kept.as_micros()).unwrap_or(i64::MAX));
    let kept_since = kept.map(|kept| Timestamp(gateway.clock.now().0.saturating_sub(kept)));
    Ok(Json(store::ledger::verify(&gateway.database, of, kept_since).await?))
}
