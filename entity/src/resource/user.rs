//! People.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::vocab::{Role, UserStatus};

/// What a user is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserSpec {
    /// The name that people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the user may do.
    #[serde(default = "plain_user")]
    #[cfg_attr(feature = "openapi", schema(default = "USER"))]
    pub role: Role,
    /// Whether the user may sign in.
    #[serde(default = "active_user")]
    #[cfg_attr(feature = "openapi", schema(default = "ACTIVE"))]
    pub status: UserStatus,
}

const fn plain_user() -> Role {
    Role::User
}

const fn active_user() -> UserStatus {
    UserStatus::Active
}

/// What the gateway knows about a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserState {
    /// When the user last signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sign_in_at: Option<Timestamp>,
}
