//! What is in force for an organisation beside its resources: its own settings, and the gateway's that bear on it.

use entity::policy::Policies;
use entity::resource::OrganisationSpec;
use entity::routing::RoutingSwitch;
use serde::Serialize;

use super::crud::prelude::*;
use super::engine::find;

/// What is in force for an organisation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    /// Its policies, which bind every key.
    policies: Policies,
    /// Whether its keys' routing policies are followed.
    routing: RoutingSwitch,
    /// What this gateway was told that bears on it.
    gateway: Effective,
}

/// Settings of the gateway that bear on organisations; durations in seconds. None of them is a secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Effective {
    /// `sqlite` or `postgres`.
    database: String,
    /// `memory` or `redis`.
    hot_store: String,
    /// How long usage records are kept; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_retention_seconds: Option<u64>,
    /// How long sums by minute are kept; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    minute_retention_seconds: Option<u64>,
    /// How long a model call that is repeated with its Idempotency-Key gets the first one's answer.
    idempotency_ttl_seconds: u64,
    /// How long a routed call may be tried again.
    routing_deadline_seconds: u64,
}

/// Shows what is in force for an organisation beside its resources.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/settings", tag = "organisations", operation_id = "show_settings",
    params(("organisation" = String, Path, description = "Slug or id.")),
    responses((status = 200, description = "The settings.", body = Settings), Refusals)
)]
pub(super) async fn show(State(gateway): State<Gateway>, tenant: Tenant) -> Result<Json<Settings>, ApiError> {
    let db = gateway.database.reader();
    let spec = find::<OrganisationSpec>(db, Scope::Within(tenant.id), &tenant.slug).await?.resource.spec;
    let config = &gateway.config;
    Ok(Json(Settings {
        policies: spec.policies,
        routing: spec.routing,
        gateway: Effective {
            database: gateway.database.kind().into(),
            hot_store: gateway.hot.kind().into(),
            usage_retention_seconds: config.usage.retention.map(|kept| kept.as_secs()),
            minute_retention_seconds: config.usage.minute_retention.map(|kept| kept.as_secs()),
            idempotency_ttl_seconds: config.idempotency.ttl.as_secs(),
            routing_deadline_seconds: config.routing.deadline.as_secs(),
        },
    }))
}
