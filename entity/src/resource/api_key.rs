//! Virtual keys.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ApiKey, yes};
use crate::Timestamp;
use crate::policy::Policies;
use crate::routing::Routing;
use crate::vocab::ApiKeyType;
use crate::wire::is_default;

/// What a virtual key is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKeySpec {
    /// On whose behalf it calls.
    pub r#type: ApiKeyType,
    /// The team, for `TEAM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The user's e-mail address, for `USER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// When it stops working; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Timestamp>,
    /// The models that it may call.
    #[serde(default)]
    pub models: BTreeSet<String>,
    /// Its policies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policies: Policies,
    /// Where its calls may go when an upstream fails, by type of model; heeded where the organisation has routing on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub routing: Routing,
}

/// What the gateway knows about a virtual key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyState {
    /// The first and last few characters: `sk-odock-3kF…9Qz`.
    pub preview: String,
    /// Whether the secret has been shown; if not, `reveal` shows it once.
    pub revealed: bool,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// How often it was rotated.
    pub rotations: u32,
    /// Until when the secret before the last rotation works too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_valid_until: Option<Timestamp>,
    /// Until when `ack` can put its first secret in force; nobody can call with the key before that. `reveal` draws
    /// another secret, and sets a new time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_until: Option<Timestamp>,
    /// Until when `ack` can put the secret of a rotation in force; the old secret works meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation_pending_until: Option<Timestamp>,
    /// When it last left a usage record; only in answers about a single key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// The body that creates a virtual key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateApiKey {
    /// Its name.
    pub name: String,
    /// What it shall be.
    pub spec: ApiKeySpec,
    /// Whether the answer holds the secret (the default); if not, one later `reveal` shows it.
    #[serde(default = "yes")]
    #[cfg_attr(feature = "openapi", schema(default = true))]
    pub reveal: bool,
    /// Whether the secret of the answer works only once `ack` says, within ten minutes, that it arrived.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
}

/// Says that a secret reached its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcknowledgeSecret {
    /// Lower-case hex of SHA-256 over the secret that arrived.
    pub hash: String,
}

/// A virtual key with its secret: the one time that it is shown.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IssuedApiKey {
    /// The key.
    #[cfg_attr(feature = "openapi", schema(value_type = super::Resource<ApiKeySpec, ApiKeyState>))]
    pub key: ApiKey,
    /// The secret, unless it was left for a later `reveal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for IssuedApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedApiKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// How to rotate a virtual key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateApiKey {
    /// Seconds that the old secret works beside the new one, 0 (the default) to 2 592 000 (30 days).
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 2_592_000))]
    pub overlap_seconds: u32,
    /// The new expiry; unchanged when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Timestamp>,
    /// Whether the new secret works, and the overlap begins, only once `ack` says, within ten minutes, that it arrived.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
}

/// One rotation of a virtual key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// When.
    pub at: Timestamp,
    /// Who: the e-mail address of the administrator.
    pub by: String,
    /// The preview of the secret that was replaced.
    pub previous_preview: String,
    /// Until when the replaced secret worked.
    pub previous_valid_until: Timestamp,
    /// The expiry before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_expiry: Option<Timestamp>,
    /// The expiry after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_expiry: Option<Timestamp>,
}
