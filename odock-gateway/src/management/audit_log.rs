//! The audit log, read and verified.

use axum::response::IntoResponse;
use entity::audit::{AuditEvent, AuditVerification};
use entity::{OrganisationId, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use super::crud::prelude::*;
use super::problem::Code;
use super::query::{before, limit, newest_first};
use crate::store;
use crate::store::audit::Filter;

/// Which part of the log.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AuditParams {
    /// The first instant that counts.
    from: Option<Timestamp>,
    /// The first instant that no longer counts.
    to: Option<Timestamp>,
    /// Who, by e-mail address; `gateway` for what it did by itself.
    actor: Option<String>,
    /// What was done, such as `create` or `rotate`.
    verb: Option<String>,
    /// To what kind of thing, such as `apikey`.
    resource: Option<String>,
    /// To which one, by id.
    resource_id: Option<Uuid>,
    /// To which one, by the name that it had.
    name: Option<String>,
    /// `done`, `refused`, or the code of a refusal.
    outcome: Option<String>,
    /// The handle of a call.
    request_id: Option<String>,
    /// The address that calls came from.
    address: Option<String>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 1_000, default = 100)]
    limit: Option<u32>,
    /// Where the page begins: the `nextCursor` of the page before.
    cursor: Option<String>,
    /// Whether to get events as they happen instead, as server-sent events: see docs/API.md.
    watch: Option<bool>,
    /// Where a watch goes on: the id of the last event that was seen.
    since: Option<String>,
}

impl AuditParams {
    fn filter(self) -> Filter {
        Filter {
            from: self.from,
            to: self.to,
            actor: self.actor,
            verb: self.verb,
            resource: self.resource,
            resource_id: self.resource_id,
            name: self.name,
            outcome: self.outcome,
            request_id: self.request_id,
            address: self.address,
        }
    }
}

/// The audit log of an organisation, newest first.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/audit", tag = "audit", operation_id = "list_audit",
    params(("organisation" = String, Path, description = "Slug or id."), AuditParams),
    responses(
        (status = 200, description = "A page, or what happens.", content(
            (Page<AuditEvent> = "application/json"), (entity::page::ServerSentEvent = "text/event-stream")
        )),
        Refusals
    )
)]
pub(super) async fn of_organisation(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Extension(hub): Extension<Hub>,
    standing: Standing,
    headers: HeaderMap,
    Params(params): Params<AuditParams>,
) -> Result<Response, ApiError> {
    match params.watch {
        Some(true) => watch(gateway, &hub, standing, Some(tenant.id), &headers, params).await,
        _ => page(&gateway, Some(tenant.id), params).await,
    }
}

/// The audit log of everything, newest first.
#[utoipa::path(
    get, path = "/api/admin/audit", tag = "audit", operation_id = "list_all_audit", params(AuditParams),
    responses(
        (status = 200, description = "A page, or what happens.", content(
            (Page<AuditEvent> = "application/json"), (entity::page::ServerSentEvent = "text/event-stream")
        )),
        Refusals
    )
)]
pub(super) async fn of_everything(
    State(gateway): State<Gateway>,
    Extension(hub): Extension<Hub>,
    standing: Standing,
    headers: HeaderMap,
    Params(params): Params<AuditParams>,
) -> Result<Response, ApiError> {
    match params.watch {
        Some(true) => watch(gateway, &hub, standing, None, &headers, params).await,
        _ => page(&gateway, None, params).await,
    }
}

async fn watch(
    gateway: Gateway,
    hub: &Hub,
    standing: Standing,
    organisation: Option<OrganisationId>,
    headers: &HeaderMap,
    params: AuditParams,
) -> Result<Response, ApiError> {
    if params.limit.is_some() || params.cursor.is_some() {
        return Err(ApiError::new(Code::BadRequest, "a watch has no pages"));
    }
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let since = last.map(str::to_owned).or_else(|| params.since.clone());
    super::watch::open_audit(gateway, hub, standing, organisation.map(|id| id.0), params.filter(), since).await
}

async fn page(
    gateway: &Gateway,
    organisation: Option<OrganisationId>,
    params: AuditParams,
) -> Result<Response, ApiError> {
    let limit = limit(params.limit)?;
    let before = before(&params.cursor)?;
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let filter = params.filter();
    let events = store::audit::page(gateway.database.reader(), organisation, &filter, before, one_more).await?;
    Ok(Json(newest_first(events, limit, |event| (event.at.0, event.id.0))).into_response())
}

/// How to verify.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct VerifyParams {
    /// An event that was noted earlier: its number, a colon and its hash. It must still be the same.
    anchor: Option<String>,
}

/// Recomputes the chain of an organisation's events in one snapshot, and names the first that is missing or altered.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/audit/verify", tag = "audit", operation_id = "verify_audit",
    params(("organisation" = String, Path, description = "Slug or id."), VerifyParams),
    responses((status = 200, description = "What was found.", body = AuditVerification), Refusals)
)]
pub(super) async fn verify(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Params(params): Params<VerifyParams>,
) -> Result<Json<AuditVerification>, ApiError> {
    let anchor = params.anchor.as_deref().map(anchor).transpose()?;
    let chain = store::audit::chain(Some(tenant.id));
    Ok(Json(store::audit::verify(&gateway.database, Some(chain), anchor.as_ref()).await?))
}

/// Recomputes every chain of events: one an organisation, and one of what is in none.
#[utoipa::path(
    get, path = "/api/admin/audit/verify", tag = "audit", operation_id = "verify_all_audit",
    responses((status = 200, description = "What was found.", body = AuditVerification), Refusals)
)]
pub(super) async fn verify_all(State(gateway): State<Gateway>) -> Result<Json<AuditVerification>, ApiError> {
    Ok(Json(store::audit::verify(&gateway.database, None, None).await?))
}

fn anchor(text: &str) -> Result<(i64, String), ApiError> {
    let (seq, hash) = text.split_once(':').unwrap_or_default();
    let is_hash = hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match seq.parse::<i64>() {
        Ok(seq) if seq > 0 && is_hash => Ok((seq, hash.to_owned())),
        _ => Err(ApiError::new(Code::BadRequest, "`anchor` is not the number of an event, a colon and its hash")),
    }
}
