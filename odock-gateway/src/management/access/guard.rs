//! Asks the table before any handler runs.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use entity::row::organisation;
use entity::vocab::{Role, TokenKind, UserStatus};
use http::request::Parts;
use http::{HeaderValue, header};

use super::caller::{Caller, Facts, MaybeTenant, Tenant, is_served};
use super::table::{Decision, Rule, Target, Verdict, look_up};
use crate::credential::{self, CredentialKind};
use crate::gateway::Gateway;
use crate::management::audit::{self, Deed};
use crate::management::body;
use crate::management::frame::RequestId;
use crate::management::problem::{ApiError, Code};
use crate::store;
use crate::store::tokens::Bearer;

/// How long a call may take before it is given up; whatever it began is rolled back.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an apply may take.
const APPLY_PATIENCE: Duration = Duration::from_secs(120);

/// The layer that lets calls through to their handlers, or not.
pub(in crate::management) async fn guard(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let patience = if path.ends_with("/apply") { APPLY_PATIENCE } else { PATIENCE };
    let call = async {
        match admit(&gateway, &mut parts, &path).await {
            Ok(()) => next.run(Request::from_parts(parts, body)).await,
            Err(error) => error.into_response(),
        }
    };
    match tokio::time::timeout(patience, call).await {
        Ok(response) => response,
        Err(_) => ApiError::new(Code::Unavailable, "the call took too long and was given up").into_response(),
    }
}

async fn admit(gateway: &Gateway, parts: &mut Parts, path: &str) -> Result<(), ApiError> {
    let rule = match look_up(&parts.method, path) {
        Verdict::Rule(rule) => rule,
        Verdict::OtherMethods(known) => {
            let error = ApiError::new(Code::MethodNotAllowed, format!("this path takes {known}"));
            return Err(match HeaderValue::from_str(&known) {
                Ok(known) => error.header(header::ALLOW, known),
                Err(_) => error,
            });
        }
        Verdict::Unknown => return Err(ApiError::new(Code::NotFound, "the management API has no such path")),
    };
    if rule.target == Target::Open {
        return Ok(());
    }
    let caller = authenticate(gateway, parts).await?;
    if let Err(error) = authorise(gateway, parts, &rule, &caller).await {
        if error.code() != Code::Unavailable {
            let (_, outcome) = error.code().wire();
            let name = parts.uri.path().trim_start_matches("/api/").to_owned();
            let deed = Deed { verb: "refused", resource: rule.resource, name: Some(name), ..Deed::default() };
            audit::refused(gateway, Some(&caller), deed, outcome).await;
        }
        return Err(error);
    }
    parts.extensions.insert(caller);
    Ok(())
}

async fn authenticate(gateway: &Gateway, parts: &Parts) -> Result<Caller, ApiError> {
    let secret = bearer(parts)?;
    let hash = credential::hash(secret);
    let found = store::tokens::by_hash(gateway.database.reader(), TokenKind::Personal, &hash).await?;
    let bearer = found.ok_or_else(|| unauthorized("the token is not known"))?;
    check(gateway, &bearer)?;
    touch(gateway, &bearer);
    let Bearer { token, user, organisation } = bearer;
    Ok(Caller::new(Facts {
        user_id: user.id,
        email: user.email,
        role: user.role,
        organisation_id: user.organisation_id,
        organisation: organisation.map(|organisation| organisation.slug),
        token,
        address: Some(audit::address(gateway, parts)),
        request_id: parts.extensions.get::<RequestId>().map_or_else(|| Arc::from("-"), |id| Arc::clone(&id.0)),
    }))
}

/// The secret of the one `Authorization` header.
fn bearer(parts: &Parts) -> Result<&str, ApiError> {
    let mut given = parts.headers.get_all(header::AUTHORIZATION).iter();
    let value = given.next().ok_or_else(|| {
        unauthorized("a token is needed").hint("send `Authorization: Bearer odock-pat-…`, or `odockctl login`")
    })?;
    if given.next().is_some() {
        return Err(unauthorized("there is more than one Authorization header"));
    }
    let secret = value.to_str().ok().and_then(|value| {
        let (scheme, secret) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
    });
    let secret = secret.ok_or_else(|| unauthorized("the Authorization header is not `Bearer` and a token"))?;
    if credential::check(CredentialKind::PersonalToken, secret) {
        return Ok(secret);
    }
    Err(match credential::kind_of(secret) {
        Some(CredentialKind::VirtualKey) => unauthorized("that is a virtual key, which calls models")
            .hint("the management API takes personal tokens: odock-pat-…"),
        Some(CredentialKind::SignInToken) => {
            unauthorized("that is a sign-in token, which works once and only to sign in")
                .hint("exchange it with `odockctl login`, or POST /api/auth/sign-in")
        }
        Some(CredentialKind::PersonalToken) => unauthorized("the token is damaged: its checksum is wrong"),
        None => unauthorized("that is not a token of this gateway"),
    })
}

pub(in crate::management) fn unauthorized(title: &'static str) -> ApiError {
    ApiError::new(Code::Unauthorized, title)
}

/// Whether a token, and whose it is, are still good.
pub(in crate::management) fn check(gateway: &Gateway, bearer: &Bearer) -> Result<(), ApiError> {
    if bearer.token.revoked_at.is_some() {
        return Err(ApiError::new(Code::TokenRevoked, "the token was revoked").hint("sign in again"));
    }
    if bearer.token.expires_at <= gateway.clock.now() {
        return Err(ApiError::new(Code::TokenExpired, "the token has expired").hint("sign in again"));
    }
    if bearer.user.status != UserStatus::Active {
        return Err(ApiError::new(Code::TokenRevoked, "the token's user may not sign in"));
    }
    Ok(())
}

/// Notes the use of a token, off the call's way and at most once a minute.
fn touch(gateway: &Gateway, bearer: &Bearer) {
    let now = gateway.clock.now();
    let fresh = |at: entity::Timestamp| now.since(at) < Duration::from_secs(60);
    if bearer.token.last_used_at.is_some_and(fresh) {
        return;
    }
    let (gateway, token) = (gateway.clone(), bearer.token.id);
    tokio::spawn(async move {
        if let Err(error) = store::tokens::touch(gateway.database.writer(), token, now).await {
            tracing::debug!(%error, "Could not note the use of a token");
        }
    });
}

async fn authorise(gateway: &Gateway, parts: &mut Parts, rule: &Rule, caller: &Caller) -> Result<(), ApiError> {
    if matches!(rule.target, Target::Organisation | Target::OrganisationOrNew) {
        let tenant = tenant(gateway, parts, rule, caller).await?;
        parts.extensions.insert(tenant);
    }
    if rule.decide(caller.role) == Decision::Deny {
        return Err(ApiError::new(Code::Forbidden, format!("the role {} may not do that", caller.role)));
    }
    let scope = rule.action.scope();
    if !caller.token.scopes.0.contains(&scope) {
        return Err(ApiError::new(Code::Forbidden, format!("the token lacks the scope `{scope}`"))
            .hint("make one that has it: POST /api/auth/tokens"));
    }
    Ok(())
}

/// The organisation in the path. To others than its own people and super admins it does not exist.
async fn tenant(gateway: &Gateway, parts: &mut Parts, rule: &Rule, caller: &Caller) -> Result<MaybeTenant, ApiError> {
    let params = body::path_params(parts).await?;
    let name = params.iter().find(|(name, _)| *name == "organisation").map(|(_, value)| value.to_owned());
    let name = name.ok_or_else(|| ApiError::internal("a rule names no organisation"))?;
    let found = row(gateway, &name).await?;
    let own = |row: &organisation::Model| caller.organisation_id == Some(row.id);
    match found {
        Some(row) if caller.role == Role::SuperAdmin || (own(&row) && is_served(&row)) => {
            Ok(MaybeTenant::Known(Tenant::of(&row)))
        }
        Some(row) if own(&row) => {
            Err(ApiError::new(Code::Forbidden, "the organisation is suspended").hint("a super admin can activate it"))
        }
        None if caller.role == Role::SuperAdmin && rule.target == Target::OrganisationOrNew => {
            Ok(MaybeTenant::New(name))
        }
        _ => Err(ApiError::not_found("organisation", &name)),
    }
}

async fn row(gateway: &Gateway, name_or_id: &str) -> Result<Option<organisation::Model>, ApiError> {
    Ok(store::organisations::find(gateway.database.reader(), name_or_id).await?)
}
