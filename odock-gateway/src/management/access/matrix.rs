//! The authorisation table, printed.

use std::collections::BTreeMap;

use entity::vocab::Role;
use serde::Serialize;

use super::table::{Action, Decision, RULES, Rule, Target};

/// One line of the table, as it is printed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::management) struct MatrixRow {
    /// The HTTP method.
    method: &'static str,
    /// The route.
    path: &'static str,
    /// What it is about.
    resource: &'static str,
    /// What `can-i` calls it.
    verb: &'static str,
    /// What it does, and so the scope that a token needs.
    action: Action,
    /// Which of the resource.
    target: Target,
    /// What each role may.
    roles: BTreeMap<String, Decision>,
}

/// The whole table.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::management) struct Matrix {
    /// Its lines.
    rules: Vec<MatrixRow>,
}

/// Prints the table.
pub(in crate::management) fn matrix() -> Matrix {
    let row = |rule: &Rule| MatrixRow {
        method: rule.method,
        path: rule.path,
        resource: rule.resource,
        verb: rule.verb(),
        action: rule.action,
        target: rule.target,
        roles: Role::ALL.iter().map(|role| (role.to_string(), rule.decide(*role))).collect(),
    };
    Matrix { rules: RULES.iter().map(row).collect() }
}
