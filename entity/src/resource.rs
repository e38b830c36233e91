//! Resources of the management API: what an administrator declares (`spec`) and what the gateway adds (`status`).
//!
//! A `…Spec` is the body of a create, the target of a merge patch, the `spec` of a manifest and the thing that a plan
//! compares: one definition, so that they cannot disagree. Specs refer to other resources by name.

mod api_key;
mod limit;
mod model;
mod organisation;
mod overlay;
mod provider;
mod service_account;
mod team;
mod user;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::api_key::*;
pub use self::limit::*;
pub use self::model::*;
pub use self::organisation::*;
pub use self::overlay::*;
pub use self::provider::*;
pub use self::service_account::*;
pub use self::team::*;
pub use self::user::*;
use crate::Timestamp;

/// For switches that are on unless declared otherwise.
const fn yes() -> bool {
    true
}

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
    /// A program that administers.
    ServiceAccount,
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
        Self::ServiceAccount,
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
            Self::ServiceAccount => "ServiceAccount",
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
            Self::ServiceAccount => "service-accounts",
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
            "user" | "users" | "u" => Self::User,
            "team" | "teams" | "t" => Self::Team,
            "serviceaccount" | "serviceaccounts" | "service-account" | "service-accounts" | "sa" => {
                Self::ServiceAccount
            }
            "provider" | "providers" | "prov" | "p" => Self::Provider,
            "model" | "models" | "m" => Self::Model,
            "apikey" | "apikeys" | "key" | "keys" | "api-key" | "api-keys" | "k" => Self::ApiKey,
            "budget" | "budgets" | "b" => Self::Budget,
            "quota" | "quotas" | "q" => Self::Quota,
            "overlay" | "overlays" | "o" => Self::Overlay,
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
    /// What its manifest labels it with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether it cannot be deleted before its manifest lets go of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
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
/// A program that administers.
pub type ServiceAccount = Resource<ServiceAccountSpec, ServiceAccountState>;
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
