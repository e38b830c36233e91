//! Upstreams and their credentials.

use serde::{Deserialize, Serialize};

use super::yes;
use crate::envelope::Secret;
use crate::health::BreakerStatus;
use crate::vocab::ProviderType;

/// What a provider is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderSpec {
    /// The family whose protocol it speaks.
    pub r#type: ProviderType,
    /// Where it is; the family's public address when absent. `AZURE_OPENAI`, `VLLM` and `CUSTOM` have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Milliseconds that a whole unary call may take, 1 to 3 600 000; the gateway's setting when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3_600_000))]
    pub timeout_ms: Option<u32>,
    /// What only some families need.
    #[serde(default)]
    pub config: ProviderConfig,
    /// Whether traffic may use it.
    #[serde(default = "yes")]
    #[cfg_attr(feature = "openapi", schema(default = true))]
    pub enabled: bool,
    /// Its credentials.
    #[serde(default)]
    pub keys: Vec<ProviderKeySpec>,
}

/// Settings of a provider beyond its address. Durations are milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderConfig {
    /// Azure OpenAI's `api-version`; without it the versionless `/openai/v1/` paths are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// How long connecting may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3_600_000))]
    pub connect_timeout_ms: Option<u32>,
    /// How long the first byte of an answer may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3_600_000))]
    pub first_byte_timeout_ms: Option<u32>,
    /// How long a stream may be silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3_600_000))]
    pub idle_timeout_ms: Option<u32>,
}

/// A provider's credential as declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderKeySpec {
    /// Its name among the provider's keys.
    pub name: String,
    /// The credential. Without it an existing key keeps the one that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// Whether it may no longer be used.
    #[serde(default)]
    pub revoked: bool,
}

/// What the gateway knows about a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProviderState {
    /// Models that it serves.
    pub models: u64,
    /// Its models whose calls have failed lately, as the node that answers knows it; only in answers that read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<BreakerStatus>,
}
