//! What an apply would do, or did.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Timestamp;
use crate::manifest::Seen;
use crate::ownership::DEFAULT_OWNER;
use crate::resource::Kind;

/// The answer of an apply, with or without `dryRun`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Whether nothing was written because only the plan was asked for.
    pub dry_run: bool,
    /// One entry a resource, in the order in which they are applied.
    pub changes: Vec<Change>,
    /// How many of each.
    pub summary: PlanSummary,
    /// Under whose name it is applied.
    #[serde(default = "default_owner")]
    pub owner: String,
    /// SHA-256 over the changes without their consequences, in hex: two plans that do the same have the same.
    #[serde(default)]
    pub digest: String,
    /// Every resource that the plan read, as it was: what a saved plan must find unchanged. Only in dry runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub base: Vec<Seen>,
}

fn default_owner() -> String {
    DEFAULT_OWNER.to_owned()
}

/// What follows from a virtual key that is made without a word about its secret. Whoever applies it may know better.
pub const LEFT_TO_REVEAL: &str = "a secret is generated; `reveal` shows it once";

/// Counts of a plan's changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    /// Resources that are new.
    pub create: u64,
    /// Resources of which fields change.
    pub update: u64,
    /// Resources that get another name, and perhaps other fields.
    #[serde(default)]
    pub rename: u64,
    /// Resources that already are as declared.
    pub unchanged: u64,
    /// Resources that this owner applied before and are no longer declared.
    #[serde(default)]
    pub delete: u64,
}

/// What happens to one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What happens.
    pub action: Action,
    /// The resource's kind.
    pub kind: Kind,
    /// The slug of its organisation, if it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Its name.
    pub name: String,
    /// The name that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// The fields that differ; for a new resource, all that are declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// What else follows, in words: "2 keys lose this model".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consequences: Vec<String>,
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It comes to be.
    Create,
    /// Some of its fields change.
    Update,
    /// It gets another name, and perhaps other fields.
    Rename,
    /// Nothing.
    Unchanged,
    /// It ceases to be.
    Delete,
}

/// A field before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// A JSON pointer into the spec (RFC 6901), such as `/pricing/input/text_cost_per_1k_tokens`. Entries of
    /// `keys` and `members` stand under their name, not under a number: `/keys/primary/revoked`.
    pub path: String,
    /// The value before; absent when there was none. Secrets show their preview only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub old: Option<Value>,
    /// The value after; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub new: Option<Value>,
    /// What this owner declared last, if it declared the field before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub last_applied: Option<Value>,
    /// Who else declared the field, if anybody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<Touch>,
}

/// Who declared the fields of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldOwners {
    /// By field, the latest declaration first.
    pub items: Vec<FieldOwner>,
}

/// One owner's declaration of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldOwner {
    /// The field, as [`FieldChange::path`] has it.
    pub path: String,
    /// The owner: a name under which manifests are applied, or `manual`.
    pub owner: String,
    /// The person, by e-mail address, or the account.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

/// Whose hand a field shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Touch {
    /// The owner: a name under which manifests are applied, or `manual`.
    pub owner: String,
    /// The person, by e-mail address, or the account.
    pub by: String,
    /// When.
    pub at: Timestamp,
}
