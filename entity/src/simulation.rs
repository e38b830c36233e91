//! What each gate would say to a request that is not sent.

use serde::{Deserialize, Serialize};

use crate::usage::{LimitMark, ReservationMark};

/// What each gate said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Simulation {
    /// Whether the request would be sent to the upstream.
    pub verdict: Verdict,
    /// What each gate said, in the order in which a request meets them. Gates that need what an earlier one could not find
    /// out are left out.
    pub gates: Vec<GateFinding>,
    /// The output cap that a hard budget would put on the answer, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clamped_to: Option<u64>,
}

/// Whether a request would be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It would.
    Pass,
    /// It would be refused.
    Deny,
}

/// What one gate said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GateFinding {
    /// The gate: `authenticate`, `decode`, `model`, `provider`, `pre_auth`, `early`, `final` or `reserve`.
    pub gate: String,
    /// Whether it would let the request pass.
    pub ok: bool,
    /// What it found, in words.
    pub detail: String,
    /// The published error code of its refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The limit that it asked, with its numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitMark>,
    /// The budget or quota that it asked, with its numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<ReservationMark>,
}
