//! Manifests: an organisation as files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::Kind;

/// The only value of a manifest's `apiVersion`.
pub const API_VERSION: &str = "odock/v1";

/// One resource as declared in a file. Its `spec` is the `…Spec` type of its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Always `odock/v1`.
    pub api_version: String,
    /// What it is.
    pub kind: Kind,
    /// Which one it is.
    pub metadata: Metadata,
    /// What it shall be.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub spec: Value,
}

/// Which resource a manifest is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// The organisation's slug; the one that the manifests are applied to when absent. Not for `Organisation` itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The resource's name.
    pub name: String,
    /// The name that it has until now: it keeps its id, its grants and its history under the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// Words to select it by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether it shall be safe from being deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protect: Option<bool>,
}

impl Metadata {
    /// Nothing but a name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { organisation: None, name: name.into(), renamed_from: None, labels: BTreeMap::new(), protect: None }
    }
}

/// The body of `POST /api/organisations/{organisation}/apply`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyRequest {
    /// The resources to make true, in any order.
    pub resources: Vec<Manifest>,
    /// Under whose name they are applied: 1 to 63 lower-case letters, digits, `-`, `.` and `_`; `default` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether what this owner applied before and the resources no longer hold is deleted. Needs `owner`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
    /// The most resources that pruning may delete; 10 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_deletes: Option<u32>,
    /// Whether pruning may delete keys that were used within the last day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prune_active: bool,
    /// Whether fields that another owner declared otherwise are taken from that owner.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force_conflicts: bool,
    /// Whether nothing is changed but whose the fields are: this owner takes what nobody or `manual` has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopt: bool,
    /// Secrets of virtual keys among the resources, where they are not left for one later `reveal`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<KeySecret>,
    /// The plan that is to be carried out and no other: the apply is refused if it would do anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanBase>,
}

/// How a virtual key of an apply gets its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeySecret {
    /// The key's name.
    pub key: String,
    /// A secret that the client drew or has. Without it the key is made *pending*: `reveal` draws the secret, and the key
    /// works once `ack` says that it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<RegisteredSecret>,
    /// Whether a key that exists with another secret gets this one; without it, it keeps the one that it has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
}

/// A secret of a virtual key by its hash, so that it never travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisteredSecret {
    /// Lower-case hex of SHA-256 over the whole secret, which must be well formed: `sk-odock-`, 43 characters, checksum.
    pub hash: String,
    /// The first and last few characters: `sk-odock-3kF…9Qz`.
    pub preview: String,
}

/// What a plan was made from, to be found unchanged when it is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanBase {
    /// The digest of the plan's changes.
    pub digest: String,
    /// The resources that it read.
    pub base: Vec<Seen>,
}

/// A resource that a plan read, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seen {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its revision; 0 for one that was not there.
    pub revision: i64,
}
