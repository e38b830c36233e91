//! On whose behalf a request is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use entity::routing::Routing;
use entity::vocab::ApiKeyType;
use entity::{ApiKeyId, ModelId, OrganisationId, TeamId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ledger::Limit;
use crate::limits::Scope;

/// The chain organisation → team or user → key, and what the key may call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Principal {
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The tenant's slug.
    pub organisation: String,
    /// The team, for a team's key.
    pub team: Option<(TeamId, String)>,
    /// The user and e-mail address, for a user's key.
    pub user: Option<(UserId, String)>,
    /// The key.
    pub key_id: ApiKeyId,
    /// The key's name.
    pub key: String,
    /// On whose behalf it calls.
    pub key_type: ApiKeyType,
    /// When the secret that was presented stops working.
    pub expires_at: Option<Timestamp>,
    /// Why the key is refused whatever the time, if it is.
    pub refused: Option<Refusal>,
    /// The models that it may call, by name.
    pub models: BTreeMap<String, ModelId>,
    /// The scopes that limit it, from the organisation to the key.
    pub scopes: Vec<Scope>,
    /// The budgets and quotas that apply to it, by id.
    pub limits: Vec<Arc<Limit>>,
    /// Where its calls may go when an upstream fails, if its organisation has routing on and it has a policy.
    #[serde(default)]
    pub routing: Option<Arc<Routing>>,
}

/// Why a known key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// It was revoked.
    Revoked,
    /// Its organisation is suspended.
    OrganisationSuspended,
    /// Its user may not sign in any more.
    UserInactive,
}

impl Principal {
    /// What these facts depend on: a change to any of them makes the principal stale.
    pub(crate) fn subjects(&self) -> Vec<Uuid> {
        let mut subjects = vec![self.organisation_id.0, self.key_id.0];
        subjects.extend(self.team.as_ref().map(|(id, _)| id.0));
        subjects.extend(self.user.as_ref().map(|(id, _)| id.0));
        subjects.extend(self.models.values().map(|id| id.0));
        subjects
    }
}
