//! Temporary scalings of limits.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::policy::Factor;
use crate::vocab::ScopeType;

/// What an overlay scales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OverlayScope {
    /// What kind of scope: `ORG`, `TEAM`, `APIKEY` or `MODEL`.
    pub r#type: ScopeType,
    /// Its name; absent for `ORG`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What an overlay is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OverlaySpec {
    /// Whose limits it scales.
    pub scope: OverlayScope,
    /// By how much. `"0"` lets nothing pass that is limited.
    pub factor: Factor,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The first instant at which it applies; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Timestamp>,
    /// The first instant at which it no longer applies.
    pub ends: Timestamp,
}

/// What the gateway knows about an overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OverlayState {
    /// Whether it scales anything now.
    pub in_force: bool,
}
