//! Programs that administer, and their tokens.

use axum::Json;
use axum::extract::State;
use entity::page::Page;
use entity::resource::{ServiceAccountSpec, ServiceAccountState};
use entity::session::{CreateToken, IssuedToken, Token};
use entity::vocab::{Role, ServiceTokenKind};
use entity::{AccessTokenId, ServiceAccountId};
use secrecy::ExposeSecret;

use super::identity::tokens::{USUAL, read_create};
use crate::credential::{self, CredentialKind};
use crate::management::audit::{Actor, DONE, Deed};
use crate::management::crud::prelude::*;
use crate::management::engine::find;
use crate::management::problem::Code;
use crate::store;
use crate::store::service_accounts::{NewToken, shown};

crud::handlers!(
    ServiceAccountSpec,
    ServiceAccountState,
    "service_account",
    "service_accounts",
    "/api/organisations/{organisation}/service-accounts",
    "/api/organisations/{organisation}/service-accounts/{name}"
);
crud::plain_handlers!(
    ServiceAccountSpec,
    ServiceAccountState,
    "service_account",
    "service_accounts",
    "/api/organisations/{organisation}/service-accounts",
    "/api/organisations/{organisation}/service-accounts/{name}"
);

/// Lists the tokens of a service account, newest first; those that were exchanged only while they work.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/service-accounts/{name}/tokens", tag = "service_accounts",
    operation_id = "list_service_account_tokens",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The service account's name or id."),
        ListParams,
    ),
    responses((status = 200, description = "A page.", body = Page<Token>), Refusals)
)]
pub(in crate::management) async fn list_tokens(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Name(name): Name,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Token>>, ApiError> {
    let db = gateway.database.reader();
    let account = find::<ServiceAccountSpec>(db, Scope::Within(tenant.id), &name).await?;
    let rows = store::service_accounts::tokens(db, ServiceAccountId(account.resource.id), gateway.clock.now()).await?;
    Ok(Json(params.page(rows.iter().map(shown).collect(), |token| &token.name)?))
}

/// Makes a token of a service account, which may no more than the account, nor than the token of this call.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/service-accounts/{name}/tokens", tag = "service_accounts",
    operation_id = "create_service_account_token", request_body = CreateToken,
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The service account's name or id."),
    ),
    responses(
        (status = 201, description = "The token, with its secret: `odock-sat-…`.", body = IssuedToken),
        Refusals, BodyRefusals
    )
)]
pub(in crate::management) async fn create_token(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Name(name): Name,
    Document(body): Document,
) -> Result<(StatusCode, Json<IssuedToken>), ApiError> {
    let now = gateway.clock.now();
    let tx = gateway.database.begin().await?;
    store::locks::serialise(&tx, Some(tenant.id)).await?;
    let account = find::<ServiceAccountSpec>(&tx, Scope::Within(tenant.id), &name).await?.resource;
    may_speak_as(&caller, account.spec.role)?;
    let held: Vec<_> =
        account.spec.scopes.iter().copied().filter(|scope| caller.token.scopes.contains(scope)).collect();
    let CreateToken { name, scopes, expires_at } = read_create(body, &held, now)?;
    let secret = credential::generate(CredentialKind::ServiceToken)?;
    let text = secret.expose_secret();
    let new = NewToken {
        account: ServiceAccountId(account.id),
        kind: ServiceTokenKind::Issued,
        name,
        hash: credential::hash(text),
        preview: credential::preview(text),
        scopes,
        proof: None,
        expires_at: expires_at.unwrap_or_else(|| now.plus(USUAL)),
    };
    let token = shown(&store::service_accounts::insert(&tx, new, now).await?);
    let deed = Deed {
        verb: "create",
        resource: "service-account-token",
        id: Some(token.id.0),
        name: Some(format!("{}/{}", account.name, token.name)),
        before: None,
        after: Some(serde_json::to_value(&token).map_err(ApiError::internal)?),
    };
    store::audit::append(&tx, Actor::of(&caller).did(deed, Some(tenant.id), now, DONE)).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(IssuedToken { token, secret: text.to_owned() })))
}

/// Whoever holds a token of an account may do what the account may.
fn may_speak_as(caller: &Caller, role: Role) -> Result<(), ApiError> {
    if role < caller.role {
        let title =
            format!("the service account is {role} and you are {}: nobody grants more than they hold", caller.role);
        return Err(ApiError::new(Code::Forbidden, title));
    }
    Ok(())
}

/// Revokes a token of a service account.
#[utoipa::path(
    delete, path = "/api/organisations/{organisation}/service-accounts/{name}/tokens/{id}", tag = "service_accounts",
    operation_id = "revoke_service_account_token",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The service account's name or id."),
        ("id" = AccessTokenId, Path, description = "The token's id."),
    ),
    responses((status = 204, description = "The token no longer works."), Refusals)
)]
pub(in crate::management) async fn revoke_token(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Name(name): Name,
    Last(id): Last,
) -> Result<StatusCode, ApiError> {
    let account = find::<ServiceAccountSpec>(gateway.database.reader(), Scope::Within(tenant.id), &name).await?;
    let token: AccessTokenId = id.parse().map_err(|_| ApiError::not_found("token", &id))?;
    let account = ServiceAccountId(account.resource.id);
    if !revoke(&gateway, &caller, account, token, "revoke").await? {
        return Err(ApiError::not_found("token", &id));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes a token of an account; false if the account has no such token.
pub(super) async fn revoke(
    gateway: &Gateway,
    caller: &Caller,
    account: ServiceAccountId,
    token: AccessTokenId,
    verb: &'static str,
) -> Result<bool, ApiError> {
    let now = gateway.clock.now();
    let tx = gateway.database.begin().await?;
    let revoked = store::service_accounts::revoke(&tx, account, token, now).await?;
    if revoked == Some(true) {
        let deed = Deed { verb, resource: "service-account-token", id: Some(token.0), ..Deed::default() };
        store::audit::append(&tx, Actor::of(caller).did(deed, caller.organisation_id, now, DONE)).await?;
    }
    tx.commit().await?;
    Ok(revoked.is_some())
}
