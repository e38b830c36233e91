//! Resources of the management API: what an administrator declares (`spec`) and what the gateway adds (`status`).
//!
//! A `…Spec` is the body of a create, the target of a merge patch, the `spec` of a manifest and the thing that a plan
//! compares: one definition, so that they cannot disagree. Specs refer to other resources by name.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Money;
use crate::Timestamp;
use crate::envelope::Secret;
use crate::policy::{Factor, Policies};
use crate::pricing::Pricing;
use crate::vocab::{
    ApiKeyType, Capability, Enforcement, Metric, ModelType, OrganisationStatus, OwnerType, Period, ProviderType, Role,
    ScopeType, TeamRole, UserStatus,
};

/// The kinds of resource, in the order in which they depend on one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Kind {
    /// A tenant.
    Organisation,
    /// A person.
    User,
    /// A group of users.
    Team,
    /// An upstream.
    Provider,
    /// A model that callers may ask for.
    Model,
    /// A virtual key.
    ApiKey,
    /// A cap on spend.
    Budget,
    /// A cap on a metric.
    Quota,
    /// A temporary scaling of a scope's limits.
    Overlay,
}

impl Kind {
    /// Every kind, in dependency order.
    pub const ALL: &'static [Self] = &[
        Self::Organisation,
        Self::User,
        Self::Team,
        Self::Provider,
        Self::Model,
        Self::ApiKey,
        Self::Budget,
        Self::Quota,
        Self::Overlay,
    ];

    /// The kind as manifests spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organisation => "Organisation",
            Self::User => "User",
            Self::Team => "Team",
            Self::Provider => "Provider",
            Self::Model => "Model",
            Self::ApiKey => "ApiKey",
            Self::Budget => "Budget",
            Self::Quota => "Quota",
            Self::Overlay => "Overlay",
        }
    }

    /// The collection's last path segment in the management API.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Organisation => "organisations",
            Self::User => "users",
            Self::Team => "teams",
            Self::Provider => "providers",
            Self::Model => "models",
            Self::ApiKey => "apikeys",
            Self::Budget => "budgets",
            Self::Quota => "quotas",
            Self::Overlay => "overlays",
        }
    }

    /// Finds a kind by any spelling that people use: singular, plural or short, in any case.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "organisation" | "organisations" | "organization" | "organizations" | "org" | "orgs" => Self::Organisation,
            "user" | "users" => Self::User,
            "team" | "teams" => Self::Team,
            "provider" | "providers" | "prov" => Self::Provider,
            "model" | "models" => Self::Model,
            "apikey" | "apikeys" | "key" | "keys" | "api-key" | "api-keys" => Self::ApiKey,
            "budget" | "budgets" => Self::Budget,
            "quota" | "quotas" => Self::Quota,
            "overlay" | "overlays" => Self::Overlay,
            _ => return None,
        })
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A resource as the management API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Resource<S, T> {
    /// Its id, which survives renames.
    pub id: Uuid,
    /// Its name, unique among its kind in its organisation.
    pub name: String,
    /// The slug of its organisation; absent for organisations themselves and for users of no organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Counts its changes; `If-Match` compares it.
    pub revision: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// What was declared.
    pub spec: S,
    /// What the gateway knows besides.
    pub status: T,
}

/// The body that creates a resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Create<S> {
    /// Its name.
    pub name: String,
    /// What it shall be.
    pub spec: S,
}

/// A tenant. Its name is its slug.
pub type Organisation = Resource<OrganisationSpec, OrganisationState>;
/// A person. The name is the e-mail address.
pub type User = Resource<UserSpec, UserState>;
/// A group of users.
pub type Team = Resource<TeamSpec, TeamState>;
/// An upstream.
pub type Provider = Resource<ProviderSpec, ProviderState>;
/// A model that callers may ask for by its name.
pub type Model = Resource<ModelSpec, ModelState>;
/// A virtual key.
pub type ApiKey = Resource<ApiKeySpec, ApiKeyState>;
/// A cap on spend.
pub type Budget = Resource<BudgetSpec, LimitState>;
/// A cap on a metric.
pub type Quota = Resource<QuotaSpec, LimitState>;
/// A temporary scaling of a scope's limits.
pub type Overlay = Resource<OverlaySpec, OverlayState>;

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
    #[serde(default, skip_serializing_if = "unset")]
    pub policies: Policies,
}

fn unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

const fn active_organisation() -> OrganisationStatus {
    OrganisationStatus::Active
}

/// What the gateway knows about an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrganisationState {}

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
    #[serde(default, skip_serializing_if = "unset")]
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

const fn yes() -> bool {
    true
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
}

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
    #[serde(default, skip_serializing_if = "unset")]
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
    #[serde(default, skip_serializing_if = "unset")]
    pub policies: Policies,
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
}

/// A virtual key with its secret: the one time that it is shown.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IssuedApiKey {
    /// The key.
    #[cfg_attr(feature = "openapi", schema(value_type = Resource<ApiKeySpec, ApiKeyState>))]
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

/// Whose spending or use is capped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Owner {
    /// What kind of owner.
    pub r#type: OwnerType,
    /// Its name: of a team or key, or a user's e-mail address. Absent for `ORG`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a budget is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetSpec {
    /// Whose spending it caps.
    pub owner: Owner,
    /// How long a window lasts.
    pub period: Period,
    /// The first instant at which it applies; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// The first instant at which it no longer applies; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// Where midnight is: a name of the IANA time zone database.
    #[serde(default = "utc")]
    #[cfg_attr(feature = "openapi", schema(default = "UTC"))]
    pub timezone: String,
    /// What may be spent in a window, in USD.
    pub amount_usd: Money,
    /// Whether what is left of a window is added to the next one.
    #[serde(default)]
    pub rollover: bool,
    /// Percentages of the limit at which an event is raised, each once a window: 1 to 1 000.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub thresholds: BTreeSet<u16>,
    /// How strictly it is kept.
    #[serde(default = "standard")]
    #[cfg_attr(feature = "openapi", schema(default = "standard"))]
    pub enforcement: Enforcement,
    /// Whether it is kept at all.
    #[serde(default = "yes")]
    #[cfg_attr(feature = "openapi", schema(default = true))]
    pub active: bool,
}

fn utc() -> String {
    "UTC".into()
}

const fn standard() -> Enforcement {
    Enforcement::Standard
}

/// What a quota is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuotaSpec {
    /// Whose use it caps.
    pub owner: Owner,
    /// What it counts.
    pub metric: Metric,
    /// How much of it there may be in a window: 1 to 1 000 000 000 000 000; nanos of USD for `COST`.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000_000_000_000_u64))]
    pub limit: u64,
    /// How long a window lasts.
    pub period: Period,
    /// The first instant at which it applies; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// The first instant at which it no longer applies; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// Where midnight is: a name of the IANA time zone database.
    #[serde(default = "utc")]
    #[cfg_attr(feature = "openapi", schema(default = "UTC"))]
    pub timezone: String,
    /// Whether what is left of a window is added to the next one.
    #[serde(default)]
    pub rollover: bool,
    /// Percentages of the limit at which an event is raised, each once a window: 1 to 1 000.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub thresholds: BTreeSet<u16>,
    /// Whether it is kept at all.
    #[serde(default = "yes")]
    #[cfg_attr(feature = "openapi", schema(default = true))]
    pub active: bool,
}

/// What the gateway knows about a budget or quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LimitState {
    /// The window that is open now, if there is one and anything was counted in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<crate::ledger::WindowState>,
}

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
