//! Asks the table before any handler runs.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use entity::OrganisationId;
use entity::row::organisation;
use entity::vocab::Role;
use http::request::Parts;
use http::{HeaderValue, header};

use super::caller::{Caller, Facts, MaybeTenant, Tenant, is_served};
use super::table::{Rule, Target, Verdict, look_up};
use crate::credential::{self, CredentialKind};
use crate::gateway::Gateway;
use crate::management::audit::{self, Deed};
use crate::management::body;
use crate::management::frame::RequestId;
use crate::management::problem::{ApiError, Code};
use crate::management::repeat::{self, Repeats};
use crate::store;
use crate::store::bearers::{Bearer, Holder, Kind};

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
            Ok(()) => {
                let repeats = parts.extensions.get::<Repeats>().cloned();
                repeat::once(repeats, Request::from_parts(parts, body), next).await
            }
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
    let caller = match authenticate(gateway, parts).await {
        Ok(caller) => caller,
        Err(error) => {
            tracing::info!(
                code = error.code().wire().1,
                path,
                address = audit::address(gateway, parts),
                "Refused a token"
            );
            return Err(error);
        }
    };
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
    let (kind, secret) = bearer(parts)?;
    let hash = credential::hash(secret);
    let found = store::bearers::by_hash(gateway.database.reader(), kind, &hash).await?;
    let bearer = found.ok_or_else(|| unauthorized("the token is not known"))?;
    if let Err(error) = check(gateway, &bearer) {
        if gateway.identity.is_news(&hash) {
            note(gateway, parts, &bearer, &error).await;
        }
        return Err(error);
    }
    touch(gateway, kind, &bearer);
    let Bearer { holder, role, organisation, token, session, .. } = bearer;
    Ok(Caller::new(Facts {
        holder,
        role,
        organisation_id: organisation.as_ref().map(|organisation| organisation.id),
        organisation: organisation.map(|organisation| organisation.slug),
        token,
        session,
        credential: (kind, hash),
        address: Some(audit::address(gateway, parts)),
        request_id: parts.extensions.get::<RequestId>().map_or_else(|| Arc::from("-"), |id| Arc::clone(&id.0)),
    }))
}

/// Who a caller is by now, of those whose token is still good; `None` once it is not.
pub(super) struct Now {
    pub(super) role: Role,
    pub(super) organisation_id: Option<OrganisationId>,
}

/// Looks at a caller again who was let through before.
pub(super) async fn again(gateway: &Gateway, caller: &Caller) -> Result<Option<Now>, ApiError> {
    let (kind, hash) = &caller.credential;
    let found = store::bearers::by_hash(gateway.database.reader(), *kind, hash).await?;
    let good = found.filter(|bearer| check(gateway, bearer).is_ok());
    let served = good.filter(|bearer| bearer.organisation.as_ref().is_none_or(is_served));
    Ok(served.map(|Bearer { role, organisation, .. }| Now { role, organisation_id: organisation.map(|it| it.id) }))
}

/// Notes that somebody tried a token that was good once.
async fn note(gateway: &Gateway, parts: &Parts, bearer: &Bearer, error: &ApiError) {
    let who = match &bearer.holder {
        Holder::User { email, .. } => email,
        Holder::ServiceAccount { name, .. } => name,
    };
    let id = parts.extensions.get::<RequestId>().map_or_else(|| Arc::from("-"), |id| Arc::clone(&id.0));
    let actor = audit::Actor::signing_in(Some(who), Some(audit::address(gateway, parts)), &id);
    let name = format!("{} {}", bearer.token.name, bearer.token.preview);
    let deed =
        Deed { verb: "refused", resource: "token", id: Some(bearer.token.id.0), name: Some(name), ..Deed::default() };
    let organisation = bearer.organisation.as_ref().map(|organisation| organisation.id);
    audit::note(gateway, &actor, deed, organisation, error.code().wire().1).await;
}

/// The secret of the one `Authorization` header.
fn bearer(parts: &Parts) -> Result<(Kind, &str), ApiError> {
    let mut given = parts.headers.get_all(header::AUTHORIZATION).iter();
    let value = given.next().ok_or_else(|| {
        unauthorized("a token is needed").hint("send `Authorization: Bearer odock-…`, or `odockctl login`")
    })?;
    if given.next().is_some() {
        return Err(unauthorized("there is more than one Authorization header"));
    }
    let secret = value.to_str().ok().and_then(|value| {
        let (scheme, secret) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
    });
    let secret = secret.ok_or_else(|| unauthorized("the Authorization header is not `Bearer` and a token"))?;
    let taken =
        "the management API takes odock-pat-… (personal), odock-ses-… (a session) and odock-sat-… (a service account)";
    let kind = match credential::kind_of(secret) {
        Some(CredentialKind::PersonalToken) => Kind::Personal,
        Some(CredentialKind::SessionToken) => Kind::Session,
        Some(CredentialKind::ServiceToken) => Kind::Service,
        Some(CredentialKind::VirtualKey) => {
            return Err(unauthorized("that is a virtual key, which calls models").hint(taken));
        }
        Some(CredentialKind::SignInToken) => {
            return Err(unauthorized("that is a sign-in token, which works once and only to sign in")
                .hint("exchange it with `odockctl login`, or POST /api/auth/sign-in"));
        }
        Some(CredentialKind::RefreshToken) => {
            return Err(unauthorized("that is a refresh token, which only renews a session").hint(taken));
        }
        Some(CredentialKind::InvitationToken) => {
            return Err(unauthorized("that is an invitation, which works once and only to come in")
                .hint("accept it with `odockctl invite accept`"));
        }
        Some(CredentialKind::DeviceHandle) | None => {
            return Err(unauthorized("that is not a token of this gateway").hint(taken));
        }
    };
    let whole = credential::kind_of(secret).is_some_and(|kind| credential::check(kind, secret));
    if whole { Ok((kind, secret)) } else { Err(unauthorized("the token is damaged: its checksum is wrong")) }
}

pub(in crate::management) fn unauthorized(title: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
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
    match (&bearer.holder, bearer.active) {
        (_, true) => Ok(()),
        (Holder::User { .. }, false) => Err(ApiError::new(Code::TokenRevoked, "the token's user may not sign in")),
        (Holder::ServiceAccount { .. }, false) => {
            Err(ApiError::new(Code::TokenRevoked, "the token's service account is disabled"))
        }
    }
}

/// Notes the use of a token, off the call's way and at most once a minute.
fn touch(gateway: &Gateway, kind: Kind, bearer: &Bearer) {
    let now = gateway.clock.now();
    let fresh = |at: entity::Timestamp| now.since(at) < Duration::from_secs(60);
    if bearer.token.last_used_at.is_some_and(fresh) {
        return;
    }
    let (gateway, token) = (gateway.clone(), bearer.token.id);
    tokio::spawn(async move {
        if let Err(error) = store::bearers::touch(gateway.database.writer(), kind, token, now).await {
            tracing::debug!(%error, "Could not note the use of a token");
        }
    });
}

async fn authorise(gateway: &Gateway, parts: &mut Parts, rule: &Rule, caller: &Caller) -> Result<(), ApiError> {
    if matches!(rule.target, Target::Organisation | Target::OrganisationOrNew) {
        let tenant = tenant(gateway, parts, rule, caller).await?;
        parts.extensions.insert(tenant);
    }
    let reach = rule.decide(caller.role).reach(caller.member());
    let reach =
        reach.ok_or_else(|| ApiError::new(Code::Forbidden, format!("the role {} may not do that", caller.role)))?;
    parts.extensions.insert(reach);
    parts.extensions.insert(*rule);
    let scope = rule.action.scope();
    if !caller.token.scopes.contains(&scope) {
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
