//! Tenants.

use serde::{Deserialize, Serialize};

use crate::policy::Policies;
use crate::routing::RoutingSwitch;
use crate::vocab::OrganisationStatus;
use crate::wire::is_default;

/// What an organisation is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrganisationSpec {
    /// The name that people read; the slug when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whom to write to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Whether its traffic is served.
    #[serde(default = "active_organisation")]
    #[cfg_attr(feature = "openapi", schema(default = "ACTIVE"))]
    pub status: OrganisationStatus,
    /// Its policies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policies: Policies,
    /// Whether its keys are routed as their policies say.
    #[serde(default, skip_serializing_if = "is_default")]
    pub routing: RoutingSwitch,
}

const fn active_organisation() -> OrganisationStatus {
    OrganisationStatus::Active
}

/// What the gateway knows about an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrganisationState {}
