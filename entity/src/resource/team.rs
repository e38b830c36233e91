//! Groups of users.

use serde::{Deserialize, Serialize};

use crate::policy::Policies;
use crate::vocab::TeamRole;
use crate::wire::is_default;

/// What a team is declared to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamSpec {
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who belongs to it.
    #[serde(default)]
    pub members: Vec<TeamMember>,
    /// Its policies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policies: Policies,
}

/// A user's membership of a team.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamMember {
    /// The user's e-mail address.
    pub user: String,
    /// The user's place.
    #[serde(default = "plain_member")]
    #[cfg_attr(feature = "openapi", schema(default = "MEMBER"))]
    pub role: TeamRole,
}

const fn plain_member() -> TeamRole {
    TeamRole::Member
}

/// What the gateway knows about a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TeamState {
    /// The URL-safe form of the name.
    pub slug: String,
    /// Keys that belong to the team.
    pub keys: u64,
}
