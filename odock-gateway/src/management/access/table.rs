//! The authorisation table: HTTP method and route to resource, action and target; role to decision.
//!
//! Routes that are not in it are denied. It is printed by `GET /api/auth/matrix`, and a test holds it against the routes.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use entity::vocab::{Role, Scope};
use http::Method;
use serde::Serialize;

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::management) enum Action {
    /// It only looks.
    Read,
    /// It changes something.
    Write,
}

impl Action {
    /// The scope that a token needs for it.
    pub(super) const fn scope(self) -> Scope {
        match self {
            Self::Read => Scope::Read,
            Self::Write => Scope::Write,
        }
    }
}

/// What a call is about, which decides what else is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::management) enum Target {
    /// Nothing that needs a token.
    Open,
    /// The caller's own session.
    Own,
    /// Everything on this gateway.
    Everything,
    /// The organisation in the path, which must be the caller's own unless the caller is a super admin.
    Organisation,
    /// As `organisation`; a super admin may also name one that is still to be created.
    OrganisationOrNew,
}

/// What a role may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::management) enum Decision {
    /// It may.
    Allow,
    /// It may not.
    Deny,
}

use self::Action::{Read, Write};
use self::Decision::{Allow, Deny};
use self::Target::{Everything, Open, Organisation, OrganisationOrNew, Own};

/// Decisions in the order of [`Role::ALL`]: super admin, organisation admin, manager, user.
type Decisions = [Decision; 4];
const ANYBODY: Decisions = [Allow; 4];
const SUPER: Decisions = [Allow, Deny, Deny, Deny];
const ADMINS: Decisions = [Allow, Allow, Deny, Deny];

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(in crate::management) struct Rule {
    pub(in crate::management) method: &'static str,
    pub(in crate::management) path: &'static str,
    pub(in crate::management) resource: &'static str,
    pub(in crate::management) action: Action,
    pub(in crate::management) target: Target,
    decisions: Decisions,
}

impl Rule {
    pub(in crate::management) fn decide(&self, role: Role) -> Decision {
        // A role without a column may nothing.
        Role::ALL.iter().zip(self.decisions).find(|(known, _)| **known == role).map_or(Deny, |(_, decision)| decision)
    }
}

const fn rule(
    method: &'static str,
    path: &'static str,
    resource: &'static str,
    action: Action,
    target: Target,
    decisions: Decisions,
) -> Rule {
    Rule { method, path, resource, action, target, decisions }
}

#[rustfmt::skip] // A table reads better in columns.
pub(in crate::management) const RULES: &[Rule] = &[
    rule("GET",    "/api/version", "version", Read, Open, ANYBODY),
    rule("GET",    "/api/openapi.json", "openapi", Read, Open, ANYBODY),
    rule("POST",   "/api/auth/sign-in", "session", Write, Open, ANYBODY),

    rule("GET",    "/api/whoami", "session", Read, Own, ANYBODY),
    rule("GET",    "/api/encryption-key", "encryption-key", Read, Own, ANYBODY),
    rule("GET",    "/api/auth/matrix", "matrix", Read, Own, ANYBODY),
    // Whoever holds a token may end it, whatever its scopes.
    rule("POST",   "/api/auth/sign-out", "session", Read, Own, ANYBODY),
    rule("GET",    "/api/auth/tokens", "token", Read, Own, ANYBODY),
    rule("POST",   "/api/auth/tokens", "token", Write, Own, ANYBODY),
    rule("DELETE", "/api/auth/tokens/{id}", "token", Write, Own, ANYBODY),

    rule("GET",    "/api/admin/organisations", "organisation", Read, Everything, SUPER),
    rule("POST",   "/api/admin/organisations", "organisation", Write, Everything, SUPER),
    rule("GET",    "/api/admin/organisations/{name}", "organisation", Read, Everything, SUPER),
    rule("PATCH",  "/api/admin/organisations/{name}", "organisation", Write, Everything, SUPER),
    rule("DELETE", "/api/admin/organisations/{name}", "organisation", Write, Everything, SUPER),
    rule("GET",    "/api/admin/users", "user", Read, Everything, SUPER),
    rule("POST",   "/api/admin/users", "user", Write, Everything, SUPER),
    rule("GET",    "/api/admin/users/{name}", "user", Read, Everything, SUPER),
    rule("PATCH",  "/api/admin/users/{name}", "user", Write, Everything, SUPER),
    rule("DELETE", "/api/admin/users/{name}", "user", Write, Everything, SUPER),
    rule("POST",   "/api/admin/users/{name}/sign-in-token", "user", Write, Everything, SUPER),
    rule("GET",    "/api/admin/teams", "team", Read, Everything, SUPER),
    rule("GET",    "/api/admin/providers", "provider", Read, Everything, SUPER),
    rule("GET",    "/api/admin/models", "model", Read, Everything, SUPER),
    rule("GET",    "/api/admin/apikeys", "apikey", Read, Everything, SUPER),
    rule("GET",    "/api/admin/ledger/verify", "ledger", Read, Everything, SUPER),
    rule("GET",    "/api/admin/budgets", "budget", Read, Everything, SUPER),
    rule("GET",    "/api/admin/quotas", "quota", Read, Everything, SUPER),
    rule("GET",    "/api/admin/overlays", "overlay", Read, Everything, SUPER),
    rule("GET",    "/api/admin/live", "usage", Read, Everything, SUPER),
    rule("GET",    "/api/admin/audit", "audit", Read, Everything, SUPER),

    rule("GET",    "/api/organisations/{organisation}", "organisation", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/apply", "apply", Write, OrganisationOrNew, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/users", "user", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/users", "user", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/users/{name}", "user", Read, Organisation, ADMINS),
    rule("PATCH",  "/api/organisations/{organisation}/users/{name}", "user", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/users/{name}", "user", Write, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/users/{name}/sign-in-token", "user", Write, Organisation, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/teams", "team", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/teams", "team", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/teams/{name}", "team", Read, Organisation, ADMINS),
    rule("PATCH",  "/api/organisations/{organisation}/teams/{name}", "team", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/teams/{name}", "team", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/teams/{name}/members", "team", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/teams/{name}/members", "team", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/teams/{name}/members/{member}", "team", Write, Organisation, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/providers", "provider", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/providers", "provider", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/providers/{name}", "provider", Read, Organisation, ADMINS),
    rule("PATCH",  "/api/organisations/{organisation}/providers/{name}", "provider", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/providers/{name}", "provider", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/providers/{name}/keys", "provider-key", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/providers/{name}/keys", "provider-key", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/providers/{name}/keys/{key}", "provider-key", Write, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/providers/{name}/keys/{key}/revoke", "provider-key", Write, Organisation, ADMINS),
    // It changes nothing here, but calls the provider with a credential.
    rule("POST",   "/api/organisations/{organisation}/providers/{name}/test", "provider", Write, Organisation, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/models", "model", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/models", "model", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/models/{name}", "model", Read, Organisation, ADMINS),
    rule("PATCH",  "/api/organisations/{organisation}/models/{name}", "model", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/models/{name}", "model", Write, Organisation, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/apikeys", "apikey", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/apikeys", "apikey", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/apikeys/{name}", "apikey", Read, Organisation, ADMINS),
    rule("PATCH",  "/api/organisations/{organisation}/apikeys/{name}", "apikey", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/apikeys/{name}", "apikey", Write, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/reveal", "apikey", Write, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/rotate", "apikey", Write, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/revoke", "apikey", Write, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/unrevoke", "apikey", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/apikeys/{name}/history", "apikey", Read, Organisation, ADMINS),
    // It changes nothing: a token that may read may ask.
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/simulate", "apikey", Read, Organisation, ADMINS),
    rule("PUT",    "/api/organisations/{organisation}/apikeys/{name}/models/{model}", "grant", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/apikeys/{name}/models/{model}", "grant", Write, Organisation, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/budgets", "budget", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/budgets", "budget", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/budgets/{name}", "budget", Read, Organisation, ADMINS),
    rule("PATCH",  "/api/organisations/{organisation}/budgets/{name}", "budget", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/budgets/{name}", "budget", Write, Organisation, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/quotas", "quota", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/quotas", "quota", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/quotas/{name}", "quota", Read, Organisation, ADMINS),
    rule("PATCH",  "/api/organisations/{organisation}/quotas/{name}", "quota", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/quotas/{name}", "quota", Write, Organisation, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/overlays", "overlay", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/overlays", "overlay", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/overlays/{name}", "overlay", Read, Organisation, ADMINS),
    rule("PATCH",  "/api/organisations/{organisation}/overlays/{name}", "overlay", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/overlays/{name}", "overlay", Write, Organisation, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/usage", "usage", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/usage/summary", "usage", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/usage/top", "usage", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/usage/{request}", "usage", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/limits", "limit", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/invoices/preview", "invoice", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/ledger/verify", "ledger", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/live", "usage", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/audit", "audit", Read, Organisation, ADMINS),
];

type ByMethod = HashMap<&'static str, Rule>;

static BY_PATH: LazyLock<HashMap<&'static str, ByMethod>> = LazyLock::new(|| {
    let mut by_path: HashMap<_, ByMethod> = HashMap::new();
    for rule in RULES {
        by_path.entry(rule.path).or_default().insert(rule.method, *rule);
    }
    by_path
});

/// What the table says about a call.
#[derive(Debug)]
pub(super) enum Verdict {
    /// This line decides.
    Rule(Rule),
    /// The path is known, but only with these methods.
    OtherMethods(String),
    /// The table knows nothing of it.
    Unknown,
}

/// Looks a call up.
pub(super) fn look_up(method: &Method, path: &str) -> Verdict {
    let Some(methods) = BY_PATH.get(path) else { return Verdict::Unknown };
    // Whoever may read a thing may ask whether it is there.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    match methods.get(method) {
        Some(rule) => Verdict::Rule(*rule),
        None => {
            let mut known: Vec<&str> = methods.keys().copied().collect();
            known.sort_unstable();
            Verdict::OtherMethods(known.join(", "))
        }
    }
}

/// One line of the table, as it is printed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::management) struct MatrixRow {
    /// The HTTP method.
    method: &'static str,
    /// The route.
    path: &'static str,
    /// What it is about.
    resource: &'static str,
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
        action: rule.action,
        target: rule.target,
        roles: Role::ALL.iter().map(|role| (role.to_string(), rule.decide(*role))).collect(),
    };
    Matrix { rules: RULES.iter().map(row).collect() }
}
