//! What signing in leads to: a short access token and a refresh token that rotates.

use axum::Json;
use axum::extract::State;
use entity::page::Page;
use entity::row::{session, user};
use entity::session::{Refresh, Session, SignedIn};
use entity::vocab::SignInMethod;
use entity::{SessionId, Timestamp, UserId};
use http::StatusCode;
use secrecy::ExposeSecret;

use super::{Refused, Stranger, begin_attempt, checked, needed_secret, settle};
use crate::credential::{self, CredentialKind};
use crate::gateway::Gateway;
use crate::management::access::caller::Caller;
use crate::management::access::guard;
use crate::management::audit::{Actor, DONE, Deed};
use crate::management::body::{Document, Fields, Last};
use crate::management::problem::{ApiError, Code};
use crate::management::query::{ListParams, Params};
use crate::management::refusals::{BodyRefusals, Refusals};
use crate::store;
use crate::store::sessions::Rotation;

/// How long a session that has ended is remembered.
const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 60 * 60);

/// How somebody signed in.
pub(super) struct Way<'a> {
    pub(super) method: SignInMethod,
    pub(super) name: Option<String>,
    pub(super) stranger: &'a Stranger,
}

/// Begins a session of an active user, and notes it in the audit log.
pub(super) async fn begin(
    gateway: &Gateway,
    tx: &sea_orm::DatabaseTransaction,
    user: &user::Model,
    way: Way<'_>,
) -> Result<SignedIn, ApiError> {
    let now = gateway.clock.now();
    let (refresh, access) =
        (credential::generate(CredentialKind::RefreshToken)?, credential::generate(CredentialKind::SessionToken)?);
    let (refresh, access) = (refresh.expose_secret(), access.expose_secret());
    let row = session::Model {
        id: SessionId::new(),
        user_id: user.id,
        name: way.name.unwrap_or_else(|| "sign-in".into()),
        method: way.method,
        address: way.stranger.address.clone(),
        family_hash: credential::family(refresh),
        refresh_hash: credential::hash(refresh),
        access_hash: credential::hash(access),
        access_preview: credential::preview(access),
        access_expires_at: now.plus(gateway.config.identity.access_ttl),
        former_access_hash: None,
        former_access_expires_at: None,
        authenticated_at: now,
        expires_at: now.plus(gateway.config.identity.session_ttl),
        last_used_at: None,
        revoked_at: None,
        created_at: now,
        updated_at: now,
    };
    let signed_in = SignedIn {
        session: shown(&row, true),
        access_token: access.to_owned(),
        access_expires_at: row.access_expires_at,
        refresh_token: refresh.to_owned(),
    };
    let deed = Deed {
        verb: "sign-in",
        resource: "session",
        id: Some(row.id.0),
        name: Some(row.name.clone()),
        after: Some(serde_json::json!({ "method": row.method })),
        ..Deed::default()
    };
    store::sessions::forget(tx, user.id, now.minus(REMEMBERED)).await?;
    store::sessions::insert(tx, row).await?;
    store::tokens::signed_in(tx, user.id, now).await?;
    let actor = way.stranger.actor(Some(&user.email));
    store::audit::append(tx, actor.did(deed, user.organisation_id, now, DONE)).await?;
    Ok(signed_in)
}

fn shown(row: &session::Model, current: bool) -> Session {
    Session {
        id: row.id,
        name: row.name.clone(),
        method: row.method,
        address: row.address.clone(),
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        current,
    }
}

/// Renews a session: the refresh token of before is used up, and presenting it again ends the session.
#[utoipa::path(
    post, path = "/api/auth/refresh", tag = "session", operation_id = "refresh", request_body = Refresh, security(()),
    responses((status = 200, description = "The session with its new tokens.", body = SignedIn), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn refresh(
    State(gateway): State<Gateway>,
    stranger: Stranger,
    Document(body): Document,
) -> Result<Json<SignedIn>, ApiError> {
    let mut fields = Fields::of(body)?;
    let token = needed_secret(&mut fields, "refreshToken", 512);
    fields.finish()?;
    let token = checked(token)?;
    let attempt = begin_attempt(&gateway, &stranger, "refresh", None, false).await?;
    let renewed = renew(&gateway, &stranger, token.expose_secret()).await;
    Ok(Json(settle(&gateway, &stranger, "refresh", attempt, renewed).await?))
}

async fn renew(gateway: &Gateway, stranger: &Stranger, token: &str) -> Result<SignedIn, Refused> {
    if !credential::check(CredentialKind::RefreshToken, token) {
        return Err(guard::unauthorized("that is no refresh token: they begin with odock-ref-").into());
    }
    let now = gateway.clock.now();
    let tx = gateway.database.begin().await?;
    let found = store::sessions::by_family(&tx, &credential::family(token)).await?;
    let found = found.ok_or_else(|| Refused::from(guard::unauthorized("the refresh token is not known")))?;
    let user = store::identities::user_by_id(&tx, found.user_id).await?;
    let user = user.ok_or_else(|| Refused::from(guard::unauthorized("the refresh token is not known")))?;
    let refused = |error: ApiError| Refused {
        who: Some(user.email.clone()),
        organisation: user.organisation_id,
        ..Refused::from(error)
    };
    if found.revoked_at.is_some() {
        return Err(refused(ApiError::new(Code::TokenRevoked, "the session was ended").hint("sign in again")));
    }
    if found.expires_at <= now {
        return Err(refused(ApiError::new(Code::TokenExpired, "the session is over").hint("sign in again")));
    }
    if user.status != entity::vocab::UserStatus::Active {
        return Err(refused(ApiError::new(Code::TokenRevoked, "the session's user may not sign in")));
    }
    let next = credential::generate_next(token).map_err(ApiError::from)?;
    let access = credential::generate(CredentialKind::SessionToken).map_err(ApiError::from)?;
    let rotation = Rotation {
        refresh_hash: credential::hash(next.expose_secret()),
        access_hash: credential::hash(access.expose_secret()),
        access_preview: credential::preview(access.expose_secret()),
        access_expires_at: now.plus(gateway.config.identity.access_ttl),
        expires_at: now.plus(gateway.config.identity.session_ttl),
        address: stranger.address.clone(),
    };
    let (access_expires_at, expires_at) = (rotation.access_expires_at, rotation.expires_at);
    let is_latest = found.refresh_hash == credential::hash(token);
    if !is_latest || !store::sessions::rotate(&tx, &found, rotation, now).await? {
        // Somebody has a copy. Which of the two is the thief, nobody can say: both are out.
        store::sessions::revoke(&tx, user.id, found.id, now).await?;
        tx.commit().await?;
        let error = ApiError::new(Code::TokenRevoked, "the refresh token was used before, so the session was ended")
            .hint("sign in again; if it was not you who used it, somebody had a copy");
        return Err(Refused {
            why: Some(serde_json::json!({ "session": found.id, "ended": "its refresh token was used twice" })),
            ..refused(error)
        });
    }
    tx.commit().await?;
    let session = session::Model { expires_at, address: stranger.address.clone(), last_used_at: Some(now), ..found };
    Ok(SignedIn {
        session: shown(&session, true),
        access_token: access.expose_secret().to_owned(),
        access_expires_at,
        refresh_token: next.expose_secret().to_owned(),
    })
}

/// Where the caller is signed in, newest first.
#[utoipa::path(
    get, path = "/api/auth/sessions", tag = "session", operation_id = "list_sessions", params(ListParams),
    responses((status = 200, description = "The sessions.", body = Page<Session>), Refusals)
)]
pub(in crate::management) async fn list(
    State(gateway): State<Gateway>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Session>>, ApiError> {
    let (user, now) = (caller.person()?, gateway.clock.now());
    let rows = store::sessions::of_user(gateway.database.reader(), user, now).await?;
    let own = caller.session.map(|session| session.id);
    let sessions = rows.iter().map(|row| shown(row, own == Some(row.id))).collect();
    Ok(Json(params.page(sessions, |session| &session.name)?))
}

/// Signs the caller out somewhere.
#[utoipa::path(
    delete, path = "/api/auth/sessions/{id}", tag = "session", operation_id = "end_session",
    params(("id" = SessionId, Path, description = "The session's id.")),
    responses((status = 204, description = "The session is over."), Refusals)
)]
pub(in crate::management) async fn end(
    State(gateway): State<Gateway>,
    caller: Caller,
    Last(id): Last,
) -> Result<StatusCode, ApiError> {
    let user = caller.person()?;
    let session: SessionId = id.parse().map_err(|_| ApiError::not_found("session", &id))?;
    if !revoke(&gateway, &caller, user, session, "revoke", gateway.clock.now()).await? {
        return Err(ApiError::not_found("session", &id));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Signs out: ends the session of this call, or revokes its token.
#[utoipa::path(
    post, path = "/api/auth/sign-out", tag = "session", operation_id = "sign_out",
    responses((status = 204, description = "The token no longer works."), Refusals)
)]
pub(in crate::management) async fn sign_out(
    State(gateway): State<Gateway>,
    caller: Caller,
) -> Result<StatusCode, ApiError> {
    match (caller.session, caller.user_id(), caller.service_account_id()) {
        (Some(session), Some(user), _) => {
            revoke(&gateway, &caller, user, session.id, "sign-out", gateway.clock.now()).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        (_, _, Some(account)) => {
            crate::management::service_accounts::revoke(&gateway, &caller, account, caller.token.id, "sign-out")
                .await?;
            Ok(StatusCode::NO_CONTENT)
        }
        _ => super::tokens::revoke(&gateway, &caller, caller.token.id, "sign-out").await,
    }
}

async fn revoke(
    gateway: &Gateway,
    caller: &Caller,
    user: UserId,
    session: SessionId,
    verb: &'static str,
    now: Timestamp,
) -> Result<bool, ApiError> {
    let tx = gateway.database.begin().await?;
    let ended = store::sessions::revoke(&tx, user, session, now).await?;
    if ended {
        let deed = Deed { verb, resource: "session", id: Some(session.0), ..Deed::default() };
        store::audit::append(&tx, Actor::of(caller).did(deed, caller.organisation_id, now, DONE)).await?;
    }
    tx.commit().await?;
    Ok(ended)
}
