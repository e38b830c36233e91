//! What a caller may do, as the gateway's authorisation table says it.

use serde::{Deserialize, Serialize};

/// What a role may do with what a line of the table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// With all of it.
    Allow,
    /// With none of it.
    Deny,
    /// With the teams that the caller manages, and what is the caller's own.
    Teams,
    /// With what is the caller's own.
    Own,
}

impl Access {
    /// The word as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Teams => "teams",
            Self::Own => "own",
        }
    }
}

/// One line of the table, as it is for one caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// What is done.
    pub verb: String,
    /// To what.
    pub resource: String,
    /// With how much of it the caller's role may do it.
    pub access: Access,
    /// Whether the caller's token has the scope that it takes.
    pub in_scope: bool,
    /// The HTTP method.
    pub method: String,
    /// The route.
    pub path: String,
}

/// The answer to whether a caller may do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CanI {
    /// Whether it may.
    pub allowed: bool,
    /// Why, in a sentence.
    pub reason: String,
    /// The lines of the table that say so.
    pub permissions: Vec<Permission>,
}
