//! Budgets and quotas at work, and what they add up to.

use entity::OrganisationId;
use entity::ledger::{Invoice, LimitStatuses, Verification};
use entity::vocab::Period;
use entity::{Timestamp, calendar};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::crud::prelude::*;
use super::problem::Code;
use crate::store;

/// Budgets and quotas with their open windows, what was used in the last hour, and when they run out.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/limits", tag = "ledger", operation_id = "list_limits",
    params(("organisation" = String, Path, description = "Slug or id.")),
    responses((status = 200, description = "All of them.", body = LimitStatuses), Refusals)
)]
pub(super) async fn limits(State(gateway): State<Gateway>, tenant: Tenant) -> Result<Json<LimitStatuses>, ApiError> {
    let (db, now) = (gateway.database.reader(), gateway.clock.now());
    Ok(Json(LimitStatuses { items: store::statuses::of_organisation(db, tenant.id, now).await? }))
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
