//! Finds everything that is wrong with a declaration, at once.
//!
//! serde stops at the first mistake and says where in its own words. Whoever declares an organisation wants the whole
//! list, each entry with its place, its reason and what to write instead, and wants it to be the same list whether a
//! file, the command line or the management API is asked. So the `spec` of a resource is walked against a table of its
//! fields (`table.rs`) before serde sees it. The table is short and stands apart from the types; the tests in
//! `agreement.rs` feed both with the same values and fail when they disagree.

#[cfg(test)]
mod agreement;
#[cfg(feature = "openapi")]
mod describe;
mod diff;
mod manifest;
mod nearest;
mod semantics;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod walk;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::FieldError;
use crate::resource::Kind;

#[cfg(feature = "openapi")]
pub use describe::{Description, describe, json_schema};
pub use diff::diff;
pub use manifest::{UNSUPPORTED_KINDS, check_manifest};
pub use nearest::nearest;
pub use text::{check_email, check_slug};

/// The codes of violations: stable words that scripts may match on.
pub mod code {
    /// The field does not exist.
    pub const UNKNOWN_FIELD: &str = "unknown_field";
    /// A number where a text belongs, and the like.
    pub const WRONG_TYPE: &str = "wrong_type";
    /// A field that must be there is not.
    pub const MISSING: &str = "missing";
    /// The value is of the right type, but not allowed.
    pub const INVALID: &str = "invalid";
    /// It stands there twice.
    pub const DUPLICATE: &str = "duplicate";
    /// It is part of Odock, but this version does not do it yet.
    pub const UNSUPPORTED: &str = "unsupported";
    /// A secret in clear text.
    pub const LITERAL_SECRET: &str = "literal_secret";
    /// It names something that does not exist.
    pub const BAD_REFERENCE: &str = "bad_reference";
}

/// One thing that is wrong with a declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where: a JSON pointer (RFC 6901). For a missing field, the pointer that it would have.
    pub pointer: String,
    /// One of [`code`].
    pub code: &'static str,
    /// What is wrong, in one sentence without a full stop. Never holds a secret.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Violation {
    /// A violation at `pointer`.
    #[must_use]
    pub fn new(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, message: message.into(), hint: None }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Moves the pointer below `prefix`, such as `/spec`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }

    /// Message and hint as one text.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{} ({hint})", self.message),
            None => self.message.clone(),
        }
    }

    /// The violation as the management API reports it for a body that is one resource.
    #[must_use]
    pub fn into_field_error(self) -> FieldError {
        let message = self.text();
        FieldError { manifest: None, kind: None, name: None, pointer: self.pointer, code: self.code.into(), message }
    }

    /// The violation as the management API reports it for the manifest at `index` of an apply.
    #[must_use]
    pub fn into_manifest_error(self, index: usize, kind: Option<Kind>, name: Option<String>) -> FieldError {
        FieldError { manifest: Some(index), kind, name, ..self.into_field_error() }
    }
}

/// Everything that is wrong with the `spec` of a resource, in the order of its fields; pointers start at the spec.
///
/// An empty answer promises that serde reads the value as the kind's `…Spec` type.
#[must_use]
pub fn check_spec(kind: Kind, spec: &Value) -> Vec<Violation> {
    let mut found = walk::walk(table::of(kind), spec);
    semantics::check(kind, spec, &mut found);
    found
}

/// Everything that is wrong with policies that stand by themselves; pointers start at the policies.
#[must_use]
pub fn check_policies(policies: &Value) -> Vec<Violation> {
    let mut found = walk::walk(&table::POLICIES, policies);
    semantics::policies(policies, "", &mut found);
    found
}

/// Reads a `spec` as its type, or says everything that is wrong with it.
///
/// # Errors
/// What [`check_spec`] finds.
pub fn parse_spec<T: DeserializeOwned>(kind: Kind, spec: &Value) -> Result<T, Vec<Violation>> {
    let found = check_spec(kind, spec);
    if !found.is_empty() {
        return Err(found);
    }
    T::deserialize(spec).map_err(|error| vec![Violation::new("", code::INVALID, error.to_string())])
}

/// Everything that is wrong with the name of a resource; the pointers are empty, for the caller knows where the name stands.
///
/// An organisation's name is its slug and a user's is the e-mail address; the others are free within reason.
#[must_use]
pub fn check_name(kind: Kind, name: &str) -> Vec<Violation> {
    let rule = match kind {
        Kind::Organisation => text::Rule::Slug,
        Kind::User => text::Rule::Email,
        Kind::Team
        | Kind::ServiceAccount
        | Kind::Provider
        | Kind::Model
        | Kind::ApiKey
        | Kind::Budget
        | Kind::Quota
        | Kind::Overlay => text::Rule::Name,
    };
    rule.check(name).err().map(|complaint| complaint.at("")).into_iter().collect()
}

/// Appends one step to a JSON pointer, escaped.
#[must_use]
pub fn step(pointer: &str, token: impl std::fmt::Display) -> String {
    format!("{pointer}/{}", token.to_string().replace('~', "~0").replace('/', "~1"))
}
