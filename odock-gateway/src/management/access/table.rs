//! The authorisation table: HTTP method and route to resource, action and target; role to decision.
//!
//! Routes that are not in it are denied. It is printed by `GET /api/auth/matrix`, and a test holds it against the routes.

use std::collections::HashMap;
use std::sync::LazyLock;

use entity::vocab::{Role, Scope};
use http::Method;
use serde::Serialize;

use crate::store::reach::{Member, Reach};

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AccessAction)] // `Action` is a plan's.
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
    #[serde(rename = "own")]
    Session,
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
    /// It may, with everything that the target holds.
    Allow,
    /// It may not.
    Deny,
    /// It may with the teams that the caller manages, and with what is the caller's own. The rest does not exist.
    Teams,
    /// It may with what is the caller's own. The rest does not exist.
    Own,
}

impl Decision {
    /// How far a caller reaches under it; `None` where it may nothing.
    pub(in crate::management) const fn reach(self, caller: Member) -> Option<Reach> {
        match self {
            Self::Allow => Some(Reach::Everything),
            Self::Teams => Some(Reach::Teams(caller)),
            Self::Own => Some(Reach::Own(caller)),
            Self::Deny => None,
        }
    }
}

use self::Action::{Read, Write};
use self::Decision::{Allow, Deny, Own, Teams};
use self::Target::{Everything, Open, Organisation, OrganisationOrNew, Session};

/// Decisions in the order of [`Role::ALL`]: super admin, organisation admin, manager, user.
type Decisions = [Decision; 4];
const ANYBODY: Decisions = [Allow; 4];
const SUPER: Decisions = [Allow, Deny, Deny, Deny];
const ADMINS: Decisions = [Allow, Allow, Deny, Deny];
/// Managers in their teams; users nothing.
const TEAMS: Decisions = [Allow, Allow, Teams, Deny];
/// Managers in their teams; users what is theirs.
const REACH: Decisions = [Allow, Allow, Teams, Own];
/// Managers and users only themselves.
const SELF: Decisions = [Allow, Allow, Own, Own];

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

    /// What it does in one word, as `can-i` takes it: of a collection `list` and `create`, of one `get`, `update` and
    /// `delete`, and otherwise the last word of the path.
    pub(in crate::management) fn verb(&self) -> &'static str {
        let is_item = self.path.ends_with('}');
        let last = self.path.rsplit('/').next().unwrap_or_default();
        match (self.method, is_item) {
            ("GET", false) if last == "settings" => "get",
            ("GET", true) => "get",
            ("PATCH", _) => "update",
            ("PUT", true) => "create",
            ("DELETE", _) => "delete",
            ("GET", false) if last.ends_with('s') || ["audit", "usage", "catalogue"].contains(&last) => "list",
            ("POST", false) if last.ends_with('s') => "create",
            (_, _) => last,
        }
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

    rule("POST",   "/api/auth/refresh", "session", Write, Open, ANYBODY),
    rule("GET",    "/api/auth/providers", "identity-provider", Read, Open, ANYBODY),
    rule("POST",   "/api/auth/device", "session", Write, Open, ANYBODY),
    rule("POST",   "/api/auth/device/poll", "session", Write, Open, ANYBODY),
    rule("POST",   "/api/auth/exchange", "session", Write, Open, ANYBODY),
    rule("POST",   "/api/invitations/accept", "invitation", Write, Open, ANYBODY),
    rule("GET",    "/api/auth/sessions", "session", Read, Session, ANYBODY),
    rule("DELETE", "/api/auth/sessions/{id}", "session", Write, Session, ANYBODY),
    rule("PUT",    "/api/auth/password", "user", Write, Session, ANYBODY),

    rule("GET",    "/api/admin/invitations", "invitation", Read, Everything, SUPER),
    rule("POST",   "/api/admin/invitations", "invitation", Write, Everything, SUPER),
    rule("POST",   "/api/admin/invitations/{id}/resend", "invitation", Write, Everything, SUPER),
    rule("POST",   "/api/admin/invitations/{id}/revoke", "invitation", Write, Everything, SUPER),
    rule("GET",    "/api/admin/service-accounts", "service-account", Read, Everything, SUPER),

    rule("GET",    "/api/organisations/{organisation}/invitations", "invitation", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/invitations", "invitation", Write, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/invitations/{id}/resend", "invitation", Write, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/invitations/{id}/revoke", "invitation", Write, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/users/{name}/approve", "user", Write, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/users/{name}/decline", "user", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/service-accounts", "service-account", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/service-accounts", "service-account", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/service-accounts/{name}", "service-account", Read, Organisation, ADMINS),
    rule("PATCH",  "/api/organisations/{organisation}/service-accounts/{name}", "service-account", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/service-accounts/{name}", "service-account", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/service-accounts/{name}/tokens", "service-account-token", Read, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/service-accounts/{name}/tokens", "service-account-token", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/service-accounts/{name}/tokens/{id}", "service-account-token", Write, Organisation, ADMINS),

    rule("GET",    "/api/whoami", "session", Read, Session, ANYBODY),
    rule("GET",    "/api/encryption-key", "encryption-key", Read, Session, ANYBODY),
    rule("GET",    "/api/auth/matrix", "matrix", Read, Session, ANYBODY),
    rule("GET",    "/api/catalogue", "known-model", Read, Session, ANYBODY),
    rule("GET",    "/api/catalogue/{provider}/{name}", "known-model", Read, Session, ANYBODY),
    rule("GET",    "/api/can-i", "access", Read, Session, ANYBODY),
    // It changes nothing: a token that may read may ask.
    rule("POST",   "/api/can-i", "access", Read, Session, ANYBODY),
    // Whoever holds a token may end it, whatever its scopes.
    rule("POST",   "/api/auth/sign-out", "session", Read, Session, ANYBODY),
    rule("GET",    "/api/auth/tokens", "token", Read, Session, ANYBODY),
    rule("POST",   "/api/auth/tokens", "token", Write, Session, ANYBODY),
    rule("DELETE", "/api/auth/tokens/{id}", "token", Write, Session, ANYBODY),

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
    rule("GET",    "/api/admin/secrets", "secret", Read, Everything, SUPER),
    rule("POST",   "/api/admin/secrets/rewrap", "secret", Write, Everything, SUPER),
    rule("GET",    "/api/admin/budgets", "budget", Read, Everything, SUPER),
    rule("GET",    "/api/admin/quotas", "quota", Read, Everything, SUPER),
    rule("GET",    "/api/admin/overlays", "overlay", Read, Everything, SUPER),
    rule("GET",    "/api/admin/usage", "usage", Read, Everything, SUPER),
    rule("GET",    "/api/admin/usage/summary", "usage", Read, Everything, SUPER),
    rule("GET",    "/api/admin/usage/top", "usage", Read, Everything, SUPER),
    rule("GET",    "/api/admin/live", "live", Read, Everything, SUPER),
    rule("GET",    "/api/admin/audit", "audit", Read, Everything, SUPER),
    rule("GET",    "/api/admin/audit/verify", "audit", Read, Everything, SUPER),

    rule("GET",    "/api/organisations/{organisation}", "organisation", Read, Organisation, ANYBODY),
    rule("POST",   "/api/organisations/{organisation}/apply", "apply", Write, OrganisationOrNew, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/users", "user", Read, Organisation, REACH),
    rule("POST",   "/api/organisations/{organisation}/users", "user", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/users/{name}", "user", Read, Organisation, REACH),
    rule("PATCH",  "/api/organisations/{organisation}/users/{name}", "user", Write, Organisation, SELF),
    rule("DELETE", "/api/organisations/{organisation}/users/{name}", "user", Write, Organisation, ADMINS),
    rule("POST",   "/api/organisations/{organisation}/users/{name}/sign-in-token", "user", Write, Organisation, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/teams", "team", Read, Organisation, TEAMS),
    rule("POST",   "/api/organisations/{organisation}/teams", "team", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/teams/{name}", "team", Read, Organisation, TEAMS),
    rule("PATCH",  "/api/organisations/{organisation}/teams/{name}", "team", Write, Organisation, TEAMS),
    rule("DELETE", "/api/organisations/{organisation}/teams/{name}", "team", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/teams/{name}/members", "team-member", Read, Organisation, TEAMS),
    rule("POST",   "/api/organisations/{organisation}/teams/{name}/members", "team-member", Write, Organisation, TEAMS),
    rule("DELETE", "/api/organisations/{organisation}/teams/{name}/members/{member}", "team-member", Write, Organisation, TEAMS),

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

    rule("GET",    "/api/organisations/{organisation}/models", "model", Read, Organisation, REACH),
    rule("POST",   "/api/organisations/{organisation}/models", "model", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/models/{name}", "model", Read, Organisation, REACH),
    rule("PATCH",  "/api/organisations/{organisation}/models/{name}", "model", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/models/{name}", "model", Write, Organisation, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/apikeys", "apikey", Read, Organisation, REACH),
    rule("POST",   "/api/organisations/{organisation}/apikeys", "apikey", Write, Organisation, TEAMS),
    rule("GET",    "/api/organisations/{organisation}/apikeys/{name}", "apikey", Read, Organisation, REACH),
    rule("PATCH",  "/api/organisations/{organisation}/apikeys/{name}", "apikey", Write, Organisation, REACH),
    rule("DELETE", "/api/organisations/{organisation}/apikeys/{name}", "apikey", Write, Organisation, TEAMS),
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/reveal", "apikey", Write, Organisation, REACH),
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/ack", "apikey", Write, Organisation, REACH),
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/finish-rotation", "apikey", Write, Organisation, REACH),
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/rotate", "apikey", Write, Organisation, REACH),
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/revoke", "apikey", Write, Organisation, REACH),
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/unrevoke", "apikey", Write, Organisation, TEAMS),
    rule("GET",    "/api/organisations/{organisation}/apikeys/{name}/history", "apikey", Read, Organisation, REACH),
    // It changes nothing: a token that may read may ask.
    rule("POST",   "/api/organisations/{organisation}/apikeys/{name}/simulate", "apikey", Read, Organisation, REACH),
    rule("PUT",    "/api/organisations/{organisation}/apikeys/{name}/models/{model}", "grant", Write, Organisation, TEAMS),
    rule("DELETE", "/api/organisations/{organisation}/apikeys/{name}/models/{model}", "grant", Write, Organisation, TEAMS),

    rule("GET",    "/api/organisations/{organisation}/budgets", "budget", Read, Organisation, REACH),
    rule("POST",   "/api/organisations/{organisation}/budgets", "budget", Write, Organisation, TEAMS),
    rule("GET",    "/api/organisations/{organisation}/budgets/{name}", "budget", Read, Organisation, REACH),
    rule("PATCH",  "/api/organisations/{organisation}/budgets/{name}", "budget", Write, Organisation, TEAMS),
    rule("DELETE", "/api/organisations/{organisation}/budgets/{name}", "budget", Write, Organisation, TEAMS),

    rule("GET",    "/api/organisations/{organisation}/quotas", "quota", Read, Organisation, REACH),
    rule("POST",   "/api/organisations/{organisation}/quotas", "quota", Write, Organisation, TEAMS),
    rule("GET",    "/api/organisations/{organisation}/quotas/{name}", "quota", Read, Organisation, REACH),
    rule("PATCH",  "/api/organisations/{organisation}/quotas/{name}", "quota", Write, Organisation, TEAMS),
    rule("DELETE", "/api/organisations/{organisation}/quotas/{name}", "quota", Write, Organisation, TEAMS),

    rule("GET",    "/api/organisations/{organisation}/overlays", "overlay", Read, Organisation, REACH),
    rule("POST",   "/api/organisations/{organisation}/overlays", "overlay", Write, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/overlays/{name}", "overlay", Read, Organisation, REACH),
    rule("PATCH",  "/api/organisations/{organisation}/overlays/{name}", "overlay", Write, Organisation, ADMINS),
    rule("DELETE", "/api/organisations/{organisation}/overlays/{name}", "overlay", Write, Organisation, ADMINS),

    rule("GET",    "/api/organisations/{organisation}/usage", "usage", Read, Organisation, REACH),
    rule("GET",    "/api/organisations/{organisation}/usage/summary", "usage", Read, Organisation, REACH),
    rule("GET",    "/api/organisations/{organisation}/usage/top", "usage", Read, Organisation, REACH),
    rule("GET",    "/api/organisations/{organisation}/usage/{request}", "usage", Read, Organisation, REACH),
    rule("GET",    "/api/organisations/{organisation}/limits", "limit", Read, Organisation, REACH),
    rule("GET",    "/api/organisations/{organisation}/owners", "owner", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/settings", "settings", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/invoices", "invoice", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/invoices/preview", "invoice", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/ledger/verify", "ledger", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/live", "live", Read, Organisation, REACH),
    rule("GET",    "/api/organisations/{organisation}/audit", "audit", Read, Organisation, ADMINS),
    rule("GET",    "/api/organisations/{organisation}/audit/verify", "audit", Read, Organisation, ADMINS),
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
