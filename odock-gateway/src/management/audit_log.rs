//! The audit log, read.

use entity::audit::AuditEvent;
use serde::Deserialize;

use super::crud::prelude::*;
use super::query::{before, limit, newest_first};
use crate::store;

/// Which part of the log.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditParams {
    /// The most items of the page.
    #[param(minimum = 1, maximum = 1_000, default = 100)]
    limit: Option<u32>,
    /// Where the page begins: the `nextCursor` of the page before.
    cursor: Option<String>,
}

/// The audit log of an organisation, newest first.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/audit", tag = "audit", operation_id = "list_audit",
    params(("organisation" = String, Path, description = "Slug or id."), AuditParams),
    responses((status = 200, description = "A page.", body = Page<AuditEvent>), Refusals)
)]
pub(super) async fn of_organisation(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Params(params): Params<AuditParams>,
) -> Result<Json<Page<AuditEvent>>, ApiError> {
    page(&gateway, Some(tenant.id), params).await
}

/// The audit log of everything, newest first.
#[utoipa::path(
    get, path = "/api/admin/audit", tag = "audit", operation_id = "list_all_audit", params(AuditParams),
    responses((status = 200, description = "A page.", body = Page<AuditEvent>), Refusals)
)]
pub(super) async fn of_everything(
    State(gateway): State<Gateway>,
    Params(params): Params<AuditParams>,
) -> Result<Json<Page<AuditEvent>>, ApiError> {
    page(&gateway, None, params).await
}

async fn page(
    gateway: &Gateway,
    organisation: Option<entity::OrganisationId>,
    params: AuditParams,
) -> Result<Json<Page<AuditEvent>>, ApiError> {
    let limit = limit(params.limit)?;
    let before = before(&params.cursor)?;
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let events = store::audit::page(gateway.database.reader(), organisation, before, one_more).await?;
    Ok(Json(newest_first(events, limit, |event| (event.at.0, event.id.0))))
}
