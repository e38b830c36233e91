//! One's own personal tokens, and one-time tokens by which others sign in.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use entity::check::code;
use entity::page::Page;
use entity::session::{CreateToken, IssuedToken, Token};
use entity::vocab::{Scope, TokenKind};
use entity::{AccessTokenId, Timestamp, UserId};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::credential::{self, CredentialKind};
use crate::gateway::Gateway;
use crate::management::access::caller::Caller;
use crate::management::audit::{Actor, DONE, Deed};
use crate::management::body::{Document, Fields, Last};
use crate::management::problem::{ApiError, FORBIDDEN};
use crate::management::query::{ListParams, Params};
use crate::management::refusals::{BodyRefusals, Refusals};
use crate::store;
use crate::store::tokens::{NewToken, shown};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a token works when nobody says.
pub(in crate::management) const USUAL: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long it may work at the most.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

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
pub(in crate::management) async fn sign_in_token(
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

/// The caller's own personal tokens, newest first, revoked and expired ones included.
#[utoipa::path(
    get, path = "/api/auth/tokens", tag = "session", operation_id = "list_tokens", params(ListParams),
    responses((status = 200, description = "The tokens.", body = Page<Token>), Refusals)
)]
pub(in crate::management) async fn list_tokens(
    State(gateway): State<Gateway>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Token>>, ApiError> {
    let user = caller.person()?;
    let rows = store::tokens::of_user(gateway.database.reader(), user).await?;
    Ok(Json(params.page(rows.iter().map(shown).collect(), |token| &token.name)?))
}

/// Makes a personal token for the caller, which may no more than the token of this call.
#[utoipa::path(
    post, path = "/api/auth/tokens", tag = "session", operation_id = "create_token", request_body = CreateToken,
    responses((status = 201, description = "The token, with its secret.", body = IssuedToken), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn create_token(
    State(gateway): State<Gateway>,
    caller: Caller,
    Document(body): Document,
) -> Result<(StatusCode, Json<IssuedToken>), ApiError> {
    let (user, now) = (caller.person()?, gateway.clock.now());
    let CreateToken { name, scopes, expires_at } = read_create(body, &caller.token.scopes, now)?;
    let tx = gateway.database.begin().await?;
    let expires_at = expires_at.unwrap_or_else(|| now.plus(USUAL));
    let issued = new_token(&tx, user, TokenKind::Personal, name, scopes, expires_at, now).await?;
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

/// Reads what a new token is to be, which may no more than `held`.
pub(in crate::management) fn read_create(body: Value, held: &[Scope], now: Timestamp) -> Result<CreateToken, ApiError> {
    let mut fields = Fields::of(body)?;
    let name = fields.line("name");
    let scopes = fields.required("scopes");
    let expires_at = fields.time("expiresAt");
    if name.is_none() && !fields.has_error("name") {
        fields.report::<()>("name", code::MISSING, "`name` is missing");
    }
    let scopes = scopes.and_then(|scopes| read_scopes(&scopes, held, &mut fields));
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

fn read_scopes(given: &Value, held: &[Scope], fields: &mut Fields) -> Option<Vec<Scope>> {
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
            Some(scope) if !held.contains(&scope) => {
                return fields.report("scopes", FORBIDDEN, format!("your own token lacks `{scope}`"));
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
pub(in crate::management) async fn revoke_token(
    State(gateway): State<Gateway>,
    caller: Caller,
    Last(id): Last,
) -> Result<StatusCode, ApiError> {
    let token: AccessTokenId = id.parse().map_err(|_| ApiError::not_found("token", &id))?;
    let own = store::tokens::one_of_user(gateway.database.reader(), caller.person()?, token).await?;
    let own = own.ok_or_else(|| ApiError::not_found("token", &id))?;
    revoke(&gateway, &caller, own.id, "revoke").await
}

pub(super) async fn revoke(
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
