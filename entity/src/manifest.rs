//! Manifests: an organisation as files.

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
}

/// The body of `POST /api/organisations/{organisation}/apply`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyRequest {
    /// The resources to make true, in any order.
    pub resources: Vec<Manifest>,
}
