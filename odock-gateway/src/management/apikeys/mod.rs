//! Virtual keys. What is done to one besides changing what is declared of it is in `act`.
//!
//! | file | is |
//! | --- | --- |
//! | `secrets` | a key's secret: shown once, replaced, put in force |
//! | `grants` | the models that a key may call |
//! | `act` | finding a key, doing something to it, and noting that |

mod act;
pub(super) mod grants;
pub(super) mod secrets;

use axum::response::{IntoResponse, Response};
use entity::ApiKeyId;
use entity::check::code;
use entity::resource::{ApiKeySpec, ApiKeyState, CreateApiKey, IssuedApiKey, Rotation};
use http::header;
use secrecy::{ExposeSecret, SecretString};

use self::act::Act;
use super::body::Fields;
use super::crud::prelude::*;
use super::engine::{self, Intent, Issue, Place, find};
use crate::store;
use crate::store::api_keys;

crud::handlers!(
    ApiKeySpec,
    ApiKeyState,
    "apikey",
    "apikeys",
    "/api/organisations/{organisation}/apikeys",
    "/api/organisations/{organisation}/apikeys/{name}"
);

/// A key, with its secret where it is shown.
struct Issued(StatusCode, IssuedApiKey);

impl IntoResponse for Issued {
    fn into_response(self) -> Response {
        let tag = crud::etag(&self.1.key);
        (self.0, [(header::ETAG, tag)], Json(self.1)).into_response()
    }
}

fn issued(key: Resource<ApiKeySpec, ApiKeyState>, secret: Option<SecretString>) -> IssuedApiKey {
    IssuedApiKey { key, secret: secret.map(|secret| secret.expose_secret().to_owned()) }
}

/// Creates a virtual key. The answer holds the secret, unless `reveal` is false.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys", tag = "apikeys", operation_id = "create_apikey",
    params(("organisation" = String, Path, description = "Slug or id.")),
    request_body = CreateApiKey,
    responses((status = 201, description = "It exists now.", body = IssuedApiKey), Refusals, BodyRefusals)
)]
pub(super) async fn create(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Document(body): Document,
) -> Result<Response, ApiError> {
    let mut fields = Fields::of(body)?;
    let reveal = fields.flag("reveal").unwrap_or(true);
    let pending = fields.flag("pending").unwrap_or(false);
    if pending && !reveal {
        fields.report::<()>(
            "pending",
            code::INVALID,
            "a secret that is left for a later reveal cannot be acknowledged",
        );
    }
    let (name, spec) = crud::read_create::<ApiKeySpec>(fields)?;
    let issue = match (reveal, pending) {
        (false, _) => Issue::Sealed,
        (true, false) => Issue::Revealed,
        (true, true) => Issue::Pending,
    };
    let setting = Setting { issue, ..Setting::reached(caller, reached) };
    let (key, secret) =
        engine::one::<ApiKeySpec>(&gateway, &setting, name, Intent::Create(spec), Place::CREATE).await?;
    Ok(Issued(StatusCode::CREATED, issued(key, secret)).into_response())
}

/// Shows a virtual key, with its last use.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/apikeys/{name}", tag = "apikeys", operation_id = "show_apikey",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    responses((status = 200, description = "It.", body = Resource<ApiKeySpec, ApiKeyState>), Refusals)
)]
pub(super) async fn show(
    State(gateway): State<Gateway>,
    reached: Reached,
    Name(name): Name,
) -> Result<Shown<ApiKeySpec>, ApiError> {
    let db = gateway.database.reader();
    let mut key = find::<ApiKeySpec>(db, reached.scope(), &name).await?.resource;
    key.status.last_used_at = store::usage::last_use(db, ApiKeyId(key.id)).await?;
    Ok(Shown(key))
}

/// Stops a key from working.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys/{name}/revoke", tag = "apikeys",
    operation_id = "revoke_apikey",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    responses(
        (status = 200, description = "The key, revoked.", body = Resource<ApiKeySpec, ApiKeyState>),
        Refusals, BodyRefusals
    )
)]
pub(super) async fn revoke(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
) -> Result<Shown<ApiKeySpec>, ApiError> {
    let act = Act { gateway: &gateway, caller: &caller, reached: &reached, name: &name, verb: "revoke" };
    act.set_revoked(true).await
}

/// Lets a revoked key work again.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys/{name}/unrevoke", tag = "apikeys",
    operation_id = "unrevoke_apikey",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    responses(
        (status = 200, description = "The key, in force.", body = Resource<ApiKeySpec, ApiKeyState>),
        Refusals, BodyRefusals
    )
)]
pub(super) async fn unrevoke(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
) -> Result<Shown<ApiKeySpec>, ApiError> {
    let act = Act { gateway: &gateway, caller: &caller, reached: &reached, name: &name, verb: "unrevoke" };
    act.set_revoked(false).await
}

/// The rotations of a key, newest first.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/apikeys/{name}/history", tag = "apikeys",
    operation_id = "apikey_history",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "Name or id."),
        ListParams,
    ),
    responses((status = 200, description = "A page.", body = Page<Rotation>), Refusals)
)]
pub(super) async fn history(
    State(gateway): State<Gateway>,
    reached: Reached,
    Name(name): Name,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Rotation>>, ApiError> {
    let db = gateway.database.reader();
    let key = find::<ApiKeySpec>(db, reached.scope(), &name).await?;
    let rotations = api_keys::history(db, ApiKeyId(key.resource.id)).await?;
    Ok(Json(params.page(rotations, |rotation| &rotation.by)?))
}
