//! One scope of policies as the gates need it: with the overlays that scale its numbers.

use entity::Timestamp;
use entity::policy::{Factor, Policies};
use entity::vocab::ScopeType;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A scope that limits something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    /// What kind of scope.
    pub kind: ScopeType,
    /// Whose it is: the counters' name. The nil id for the global policy.
    pub id: Uuid,
    /// What it allows.
    pub policies: Policies,
    /// What scales its numbers, now or later.
    pub overlays: Vec<OverlayRule>,
}

/// A scaling of a scope's numbers for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverlayRule {
    /// By how much.
    pub factor: Factor,
    /// The first instant at which it applies; at once when absent.
    pub starts: Option<Timestamp>,
    /// The first instant at which it no longer applies.
    pub ends: Timestamp,
}

impl Scope {
    /// A scope without overlays.
    #[must_use]
    pub fn new(kind: ScopeType, id: Uuid, policies: Policies) -> Self {
        Self { kind, id, policies, overlays: Vec::new() }
    }

    /// A limit's number as it is at `now`: scaled by every overlay in force, one after the other.
    #[must_use]
    pub fn scaled(&self, limit: u64, now: Timestamp) -> u64 {
        let in_force = |rule: &&OverlayRule| rule.starts.is_none_or(|start| start <= now) && now < rule.ends;
        self.overlays.iter().filter(in_force).fold(limit, |limit, rule| rule.factor.scale(limit))
    }

    /// The scope's name in records, metrics and refusals.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        scope_word(self.kind)
    }
}

/// The name of a kind of scope in records, metrics and refusals.
#[must_use]
pub const fn scope_word(kind: ScopeType) -> &'static str {
    match kind {
        ScopeType::Global => "global",
        ScopeType::Org => "organisation",
        ScopeType::Team => "team",
        ScopeType::ApiKey => "api_key",
        ScopeType::Model => "model",
        ScopeType::McpServer => "mcp_server",
    }
}
