//! Signing in and out, and one's own tokens.

use std::time::Duration;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use entity::check::code;
use entity::page::Page;
use entity::session::{CreateToken, IssuedToken, SignIn, Token, WhoAmI};
use entity::vocab::{Scope, TokenKind};
use entity::{AccessTokenId, Timestamp, UserId};
use http::StatusCode;
use http::request::Parts;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::access::caller::{Caller, shown};
use super::access::guard;
use super::attempts::Attempts;
use super::audit::{self, Actor, DONE, Deed};
use super::body::{Document, Fields, Last};
use super::frame::RequestId;
use super::problem::{ApiError, Code};
use super::query::{ListParams, Params};
use super::refusals::{BodyRefusals, Refusals};
use crate::credential::{self, CredentialKind};
use crate::gateway::Gateway;
use crate::store::tokens::{Bearer, NewToken};
use crate::store::{self};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a personal token works when nobody says.
const USUAL: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long it may work at the most.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Signs in: exchanges a one-time sign-in token for a personal token.
#[utoipa::path(
    post, path = "/api/auth/sign-in", tag = "session", operation_id = "sign_in", request_body = SignIn, security(()),
    responses((status = 200, description = "The personal token, with its secret.", body = IssuedToken), Refusals, BodyRefusals)
)]
pub(super) async fn sign_in(
    State(gateway): State<Gateway>,
    Extension(attempts): Extension<Attempts>,
    Extension(id): Extension<RequestId>,
    parts: Parts,
    Document(body): Document,
) -> Result<Json<IssuedToken>, ApiError> {
    let address = audit::address(&gateway, &parts);
    attempts.check(&address)?;
    let (secret, name) = read_sign_in(body)?;
    match exchange(&gateway, &secret, name, &address, &id.0).await {
        Ok(issued) => Ok(Json(issued)),
        Err((error, email)) => {
            if error.code().wire().0 == StatusCode::UNAUTHORIZED {
                attempts.failed(&address);
                let actor = Actor::signing_in(email.as_deref(), Some(address), &id.0);
                let deed = Deed { verb: "sign-in", resource: "session", ..Deed::default() };
                audit::note(&gateway, &actor, deed, None, error.code().wire().1).await;
            }
            Err(error)
        }
    }
}

fn read_sign_in(body: Value) -> Result<(SecretString, Option<String>), ApiError> {
    let mut fields = Fields::of(body)?;
    let token = fields.required("token");
    let name = fields.line("name");
    let token = match token {
        Some(Value::String(token)) if !token.is_empty() && token.len() <= 512 => Some(SecretString::from(token)),
        Some(Value::String(_)) => fields.report("token", code::INVALID, "must have 1 to 512 characters"),
        Some(_) => fields.report("token", code::WRONG_TYPE, "must be a string"),
        None => None,
    };
    fields.finish()?;
    Ok((token.ok_or_else(|| ApiError::internal("a checked token is missing"))?, name))
}

/// The refusal, and whose token it was, as far as that is known.
type Refused = (ApiError, Option<String>);

async fn exchange(
    gateway: &Gateway,
    secret: &SecretString,
    name: Option<String>,
    address: &str,
    request_id: &str,
) -> Result<IssuedToken, Refused> {
    let nobody = |error: ApiError| (error, None);
    let text = secret.expose_secret();
    match credential::kind_of(text) {
        Some(CredentialKind::SignInToken) if !credential::check(CredentialKind::SignInToken, text) => {
            return Err(nobody(guard::unauthorized("the token is damaged: its checksum is wrong")));
        }
        Some(CredentialKind::PersonalToken) => {
            let error = guard::unauthorized("that is a personal token: it needs no sign-in");
            return Err(nobody(error.hint("send it as `Authorization: Bearer …`")));
        }
        _ => {}
    }
    let hash = credential::hash(text);
    let tx = gateway.database.begin().await.map_err(|error| nobody(error.into()))?;
    let found = store::tokens::by_hash(&tx, TokenKind::SignIn, &hash).await;
    let issued = match found {
        Ok(Some(bearer)) => {
            let (email, actor) = (bearer.user.email.clone(), Some(address.to_owned()));
            let actor = Actor::signing_in(Some(&email), actor, request_id);
            take(gateway, &tx, bearer, name, &actor).await.map_err(|error| (error, Some(email)))
        }
        Ok(None) => Err(nobody(guard::unauthorized("the sign-in token is not known"))),
        Err(error) => Err(nobody(error.into())),
    };
    match issued {
        Ok(issued) => {
            tx.commit().await.map_err(|error| nobody(error.into()))?;
            Ok(issued)
        }
        Err(refused) => {
            tx.rollback().await.map_err(|error| nobody(error.into()))?;
            Err(refused)
        }
    }
}

/// Uses a sign-in token up.
async fn take(
    gateway: &Gateway,
    tx: &sea_orm::DatabaseTransaction,
    bearer: Bearer,
    name: Option<String>,
    actor: &Actor,
) -> Result<IssuedToken, ApiError> {
    let now = gateway.clock.now();
    let used = || ApiError::new(Code::TokenRevoked, "the sign-in token was used before, or replaced by a newer one");
    if bearer.token.revoked_at.is_some() {
        return Err(used());
    }
    guard::check(gateway, &bearer)?;
    if !store::tokens::revoke(tx, bearer.token.id, now).await? {
        return Err(used());
    }
    let name = name.unwrap_or_else(|| "sign-in".into());
    let scopes = vec![Scope::Read, Scope::Write];
    let issued = issue(tx, bearer.user.id, name, scopes, now.plus(USUAL), now).await?;
    store::tokens::signed_in(tx, bearer.user.id, now).await?;
    let deed = Deed { verb: "sign-in", resource: "session", id: Some(issued.token.id.0), ..Deed::default() };
    store::audit::append(tx, actor.did(deed, bearer.user.organisation_id, now, DONE)).await?;
    Ok(issued)
}

async fn issue(
    db: &impl sea_orm::ConnectionTrait,
    user: UserId,
    name: String,
    scopes: Vec<Scope>,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<IssuedToken, ApiError> {
    new_token(db, user, TokenKind::Personal, name, scopes, expires_at, now).await
}

#[allow(clippy::too_many_arguments, reason = "a token is just that many facts")]
async fn new_token(
    db: &impl sea_orm::ConnectionTrait,
    user: UserId,
    kind: TokenKind,
    name: String,
    scopes: Vec<Scope>,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<IssuedToken, ApiError> {
    let secret = credential::generate(match kind {
        TokenKind::Personal => CredentialKind::PersonalToken,
        TokenKind::SignIn => CredentialKind::SignInToken,
    })?;
    let text = secret.expose_secret();
    let (hash, preview) = (credential::hash(text), credential::preview(text));
    let row = store::tokens::insert(db, NewToken { user, kind, name, hash, preview, scopes, expires_at }, now).await?;
    Ok(IssuedToken { token: shown(&row), secret: text.to_owned() })
}

/// Makes a one-time token by which a user signs in, and voids those before. Shared by the routes of users.
pub(super) async fn sign_in_token(
    gateway: &Gateway,
    caller: &Caller,
    user: &store::kinds::Found<entity::resource::UserSpec>,
) -> Result<IssuedToken, ApiError> {
    let (id, now) = (UserId(user.resource.id), gateway.clock.now());
    let tx = gateway.database.begin().await?;
    store::tokens::revoke_sign_ins(&tx, id, now).await?;
    let issued = new_token(&tx, id, TokenKind::SignIn, "sign-in".into(), Vec::new(), now.plus(DAY), now).await?;
    let name = Some(user.resource.name.clone());
    let deed = Deed { verb: "sign-in-token", resource: "user", id: Some(user.resource.id), name, ..Deed::default() };
    store::audit::append(&tx, Actor::of(caller).did(deed, user.organisation_id, now, DONE)).await?;
    tx.commit().await?;
    Ok(issued)
}

/// Signs out: revokes the token of this call.
#[utoipa::path(
    post, path = "/api/auth/sign-out", tag = "session", operation_id = "sign_out",
    responses((status = 204, description = "The token no longer works."), Refusals)
)]
pub(super) async fn sign_out(State(gateway): State<Gateway>, caller: Caller) -> Result<StatusCode, ApiError> {
    revoke(&gateway, &caller, caller.token.id, "sign-out").await
}

/// Who the caller is.
#[utoipa::path(
    get, path = "/api/whoami", tag = "session", operation_id = "whoami",
    responses((status = 200, description = "The caller.", body = WhoAmI), Refusals)
)]
pub(super) async fn whoami(caller: Caller) -> Json<WhoAmI> {
    Json(WhoAmI {
        user_id: caller.user_id,
        email: caller.email.clone(),
        role: caller.role,
        organisation: caller.organisation.clone(),
        token: shown(&caller.token),
    })
}

/// The caller's own personal tokens, newest first, revoked and expired ones included.
#[utoipa::path(
    get, path = "/api/auth/tokens", tag = "session", operation_id = "list_tokens", params(ListParams),
    responses((status = 200, description = "The tokens.", body = Page<Token>), Refusals)
)]
pub(super) async fn list_tokens(
    State(gateway): State<Gateway>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Token>>, ApiError> {
    let rows = store::tokens::of_user(gateway.database.reader(), caller.user_id).await?;
    Ok(Json(params.page(rows.iter().map(shown).collect(), |token| &token.name)?))
}

/// Makes a personal token for the caller, which may no more than the token of this call.
#[utoipa::path(
    post, path = "/api/auth/tokens", tag = "session", operation_id = "create_token", request_body = CreateToken,
    responses((status = 201, description = "The token, with its secret.", body = IssuedToken), Refusals, BodyRefusals)
)]
pub(super) async fn create_token(
    State(gateway): State<Gateway>,
    caller: Caller,
    Document(body): Document,
) -> Result<(StatusCode, Json<IssuedToken>), ApiError> {
    let now = gateway.clock.now();
    let CreateToken { name, scopes, expires_at } = read_create(body, &caller, now)?;
    let tx = gateway.database.begin().await?;
    let expires_at = expires_at.unwrap_or_else(|| now.plus(USUAL));
    let issued = issue(&tx, caller.user_id, name, scopes, expires_at, now).await?;
    let after = serde_json::to_value(&issued.token).map_err(ApiError::internal)?;
    let deed = Deed {
        verb: "create",
        resource: "token",
        id: Some(issued.token.id.0),
        name: Some(issued.token.name.clone()),
        before: None,
        after: Some(after),
    };
    store::audit::append(&tx, Actor::of(&caller).did(deed, caller.organisation_id, now, DONE)).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(issued)))
}

fn read_create(body: Value, caller: &Caller, now: Timestamp) -> Result<CreateToken, ApiError> {
    let mut fields = Fields::of(body)?;
    let name = fields.line("name");
    let scopes = fields.required("scopes");
    let expires_at = fields.time("expiresAt");
    if name.is_none() && !fields.has_error("name") {
        fields.report::<()>("name", code::MISSING, "`name` is missing");
    }
    let scopes = scopes.and_then(|scopes| read_scopes(&scopes, caller, &mut fields));
    if expires_at.is_some_and(|end| end <= now) {
        fields.report::<()>("expiresAt", code::INVALID, "is over already");
    }
    if expires_at.is_some_and(|end| end > now.plus(LONGEST)) {
        fields.report::<()>("expiresAt", code::INVALID, "is more than 366 days away");
    }
    fields.finish()?;
    let (Some(name), Some(scopes)) = (name, scopes) else {
        return Err(ApiError::internal("a checked field is missing"));
    };
    Ok(CreateToken { name, scopes, expires_at })
}

fn read_scopes(given: &Value, caller: &Caller, fields: &mut Fields) -> Option<Vec<Scope>> {
    let Value::Array(given) = given else {
        return fields.report("scopes", code::WRONG_TYPE, "must be a list, even of one");
    };
    if given.is_empty() {
        return fields.report("scopes", code::INVALID, "a token without scopes would be good for nothing");
    }
    let mut scopes = Vec::new();
    for scope in given {
        match scope.as_str().and_then(|scope| scope.parse::<Scope>().ok()) {
            // Nobody grants more than they hold.
            Some(scope) if !caller.token.scopes.0.contains(&scope) => {
                return fields.report("scopes", super::problem::FORBIDDEN, format!("your own token lacks `{scope}`"));
            }
            Some(scope) if scopes.contains(&scope) => {}
            Some(scope) => scopes.push(scope),
            None => return fields.report("scopes", code::INVALID, "must be of `read` and `write`"),
        }
    }
    Some(scopes)
}

/// Revokes one of the caller's own personal tokens.
#[utoipa::path(
    delete, path = "/api/auth/tokens/{id}", tag = "session", operation_id = "revoke_token",
    params(("id" = AccessTokenId, Path, description = "The token's id.")),
    responses((status = 204, description = "The token no longer works."), Refusals)
)]
pub(super) async fn revoke_token(
    State(gateway): State<Gateway>,
    caller: Caller,
    Last(id): Last,
) -> Result<StatusCode, ApiError> {
    let token: AccessTokenId = id.parse().map_err(|_| ApiError::not_found("token", &id))?;
    let own = store::tokens::one_of_user(gateway.database.reader(), caller.user_id, token).await?;
    let own = own.ok_or_else(|| ApiError::not_found("token", &id))?;
    revoke(&gateway, &caller, own.id, "revoke").await
}

async fn revoke(
    gateway: &Gateway,
    caller: &Caller,
    token: AccessTokenId,
    verb: &'static str,
) -> Result<StatusCode, ApiError> {
    let now = gateway.clock.now();
    let tx = gateway.database.begin().await?;
    if store::tokens::revoke(&tx, token, now).await? {
        let resource = if verb == "sign-out" { "session" } else { "token" };
        let deed = Deed { verb, resource, id: Some(token.0), ..Deed::default() };
        store::audit::append(&tx, Actor::of(caller).did(deed, caller.organisation_id, now, DONE)).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
