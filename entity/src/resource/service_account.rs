//! Programs that administer: pipelines, operators, scripts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::vocab::{Role, Scope};
use crate::wire::is_default;

/// What a service account is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccountSpec {
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it may do: `ORG_ADMIN`, `MANAGER` or `USER`.
    #[serde(default = "plain_user")]
    #[cfg_attr(feature = "openapi", schema(default = "USER"))]
    pub role: Role,
    /// The most that its tokens may be used for.
    #[serde(default = "reading")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Scope>))]
    pub scopes: BTreeSet<Scope>,
    /// The teams that it manages, if it is a `MANAGER`, or belongs to.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub teams: BTreeSet<String>,
    /// Whose tokens are exchanged for its own. One rule that matches is enough.
    #[serde(default)]
    pub trust: Vec<TrustRule>,
    /// Whether all its tokens are refused.
    #[serde(default)]
    pub disabled: bool,
}

/// Tokens of an issuer that a service account's tokens are given for: all of it must match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustRule {
    /// What the rule is called.
    pub name: String,
    /// The `iss` claim, exactly: `https://token.actions.githubusercontent.com`, `https://gitlab.com`, a cluster's issuer.
    pub issuer: String,
    /// What must be among the `aud` claim, exactly.
    pub audience: String,
    /// The `sub` claim; `*` stands for any text, also for none.
    pub subject: String,
    /// Other claims.
    #[serde(default)]
    pub claims: Vec<ClaimRule>,
    /// Whether the same token may be exchanged more than once: for tokens that a job cannot ask for anew, such as a file
    /// that Kubernetes projects, or a variable of GitLab.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reusable: bool,
}

/// A claim that a token must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimRule {
    /// The claim; a dot leads into an object: `kubernetes.io` is tried whole first.
    pub claim: String,
    /// Its value; `*` stands for any text. Of a list, one item must match.
    pub matches: String,
}

const fn plain_user() -> Role {
    Role::User
}

fn reading() -> BTreeSet<Scope> {
    BTreeSet::from([Scope::Read])
}

/// What the gateway knows about a service account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountState {
    /// Tokens that administrators made and that still work.
    pub tokens: u64,
    /// When a token was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}
