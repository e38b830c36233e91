//! Where a declaration stands in the body, for pointers to what is wrong with it.

use entity::check::Violation;
use entity::problem::FieldError;
use entity::resource::Kind;

/// Where name and spec of a declaration stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::management) struct Place {
    manifest: Option<usize>,
    name: &'static str,
    spec: &'static str,
}

impl Place {
    /// The body is `{"name": …, "spec": …}`.
    pub(in crate::management) const CREATE: Self = Self { manifest: None, name: "/name", spec: "/spec" };
    /// The body is a patch of the spec.
    pub(in crate::management) const SPEC: Self = Self { manifest: None, name: "", spec: "" };

    /// The declaration is a manifest of an apply.
    pub(in crate::management) const fn manifest(index: usize) -> Self {
        Self { manifest: Some(index), name: "/metadata/name", spec: "/spec" }
    }

    /// Something wrong with the name.
    pub(super) fn of_name(self, kind: Kind, name: &str, violation: Violation) -> FieldError {
        self.error(kind, name, violation.under(self.name))
    }

    /// Something wrong with a field, be it of the spec or beside it.
    pub(super) fn of_field(self, kind: Kind, name: &str, mut violation: Violation) -> FieldError {
        if let Some(beside) = violation.pointer.strip_prefix("/@") {
            violation.pointer = format!("/metadata/{beside}");
            return self.error(kind, name, violation);
        }
        self.of_spec(kind, name, violation)
    }

    /// Something wrong with the spec.
    pub(super) fn of_spec(self, kind: Kind, name: &str, violation: Violation) -> FieldError {
        self.error(kind, name, violation.under(self.spec))
    }

    fn error(self, kind: Kind, name: &str, violation: Violation) -> FieldError {
        match self.manifest {
            Some(index) => violation.into_manifest_error(index, Some(kind), Some(name.to_owned())),
            None => violation.into_field_error(),
        }
    }
}
