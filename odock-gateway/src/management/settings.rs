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
    /// Whether content is screened.
    safety: Safety,
    /// Whether plugins see requests and answers.
    plugins: Plugins,
    /// What this gateway was told that bears on it.
    gateway: Effective,
}

/// Whether content is screened.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Safety {
    /// Whether anything is.
    active: bool,
    /// `noop`: everything passes.
    mode: String,
    /// The same in words.
    note: String,
}

/// Whether plugins see requests and answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plugins {
    /// Whether any does.
    active: bool,
    /// Their names, in the order in which they run.
    loaded: Vec<String>,
    /// The same in words.
    note: String,
}

impl Safety {
    /// This version screens nothing, and whoever relies on screening must be able to see that.
    fn of_this_version() -> Self {
        Self {
            active: false,
            mode: "noop".into(),
            note: "this version screens no content: requests and answers pass as they are".into(),
        }
    }
}

impl Plugins {
    fn of_this_version() -> Self {
        Self { active: false, loaded: Vec::new(), note: "this version runs no plugins".into() }
    }
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
    /// What happens to limited requests while the hot store is away: `local`, `open` or `closed`.
    rate_limit_failure_mode: String,
    /// What happens to requests under a budget while the database is away and the node's share is used up: `open` or `closed`.
    ledger_failure_mode: String,
    /// Whether a policy of the gateway's own binds everybody besides.
    global_policy: bool,
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
        safety: Safety::of_this_version(),
        plugins: Plugins::of_this_version(),
        gateway: Effective {
            database: gateway.database.kind().into(),
            hot_store: gateway.hot.kind().into(),
            usage_retention_seconds: config.usage.retention.map(|kept| kept.as_secs()),
            minute_retention_seconds: config.usage.minute_retention.map(|kept| kept.as_secs()),
            idempotency_ttl_seconds: config.idempotency.ttl.as_secs(),
            routing_deadline_seconds: config.routing.deadline.as_secs(),
            rate_limit_failure_mode: config.limits.failure_mode.as_str().into(),
            ledger_failure_mode: config.ledger.failure_mode.as_str().into(),
            global_policy: gateway.limits.has_global_policy(),
        },
    }))
}
