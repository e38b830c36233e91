//! Errors of the management API (RFC 9457, `application/problem+json`).

use serde::{Deserialize, Serialize};

use crate::resource::Kind;

/// An error of the management API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// A stable code that scripts may match on, such as `not_found`.
    pub code: String,
    /// What is wrong, in one sentence.
    pub title: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The handle of the request in the gateway's logs and audit.
    pub request_id: String,
    /// Every field that is wrong, all at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// For an apply: the position of the manifest in the request, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<usize>,
    /// For an apply: the kind of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// For an apply: the name of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A JSON pointer (RFC 6901) into the body, or into the manifest for an apply: `/spec/provider`.
    pub pointer: String,
    /// A stable code, such as `unknown_field`, `wrong_type`, `missing`, `bad_reference`, `invalid`.
    pub code: String,
    /// What is wrong.
    pub message: String,
}
