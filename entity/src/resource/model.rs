//! Models that callers may ask for, and what they cost.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::policy::Policies;
use crate::pricing::Pricing;
use crate::vocab::{Capability, ModelType};
use crate::wire::is_default;

/// What a model is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelSpec {
    /// What it is for.
    #[serde(default = "chat")]
    #[cfg_attr(feature = "openapi", schema(default = "chat"))]
    pub r#type: ModelType,
    /// What the upstream calls it; the name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The provider that serves it.
    pub provider: String,
    /// Which of the provider's keys to use; the oldest usable one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_key: Option<String>,
    /// What it can do beyond text.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub capabilities: BTreeSet<Capability>,
    /// Its limits.
    #[serde(default)]
    pub config: ModelConfig,
    /// What it costs; unknown when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing: Option<Pricing>,
    /// Price lists that replace `pricing` from an instant on. Each request is billed by the list of its arrival.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub price_changes: Vec<PriceChange>,
    /// Its policies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policies: Policies,
}

/// A price list that applies from an instant on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceChange {
    /// The first instant at which it applies.
    pub from: Timestamp,
    /// The prices.
    pub pricing: Pricing,
}

const fn chat() -> ModelType {
    ModelType::Chat
}

/// A model's limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelConfig {
    /// Tokens that fit into prompt and answer together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub context_window: Option<u32>,
    /// Tokens that one answer can have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub max_output_tokens: Option<u32>,
}

/// What the gateway knows about a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ModelState {
    /// Keys that may call it.
    pub keys: u64,
}
