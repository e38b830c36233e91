//! Providers and their sealed credentials.

use entity::check;
use entity::resource::{Kind, ProviderKeySpec, ProviderSpec, ProviderState};
use serde_json::{Value, json};

use super::body::entries;
use super::crud::prelude::*;
use super::engine::{self, Intent, Place, find};
use super::problem::{TAKEN, field};

crud::handlers!(
    ProviderSpec,
    ProviderState,
    "provider",
    "providers",
    "/api/organisations/{organisation}/providers",
    "/api/organisations/{organisation}/providers/{name}"
);
crud::plain_handlers!(
    ProviderSpec,
    ProviderState,
    "provider",
    "providers",
    "/api/organisations/{organisation}/providers",
    "/api/organisations/{organisation}/providers/{name}"
);

/// Lists the credentials of a provider, oldest first, without their secrets.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/providers/{name}/keys", tag = "providers",
    operation_id = "list_provider_keys",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The provider's name or id."),
        ListParams,
    ),
    responses((status = 200, description = "A page.", body = Page<ProviderKeySpec>), Refusals)
)]
pub(super) async fn list_keys(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Name(name): Name,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<ProviderKeySpec>>, ApiError> {
    let provider = find::<ProviderSpec>(gateway.database.reader(), Scope::Within(tenant.id), &name).await?;
    Ok(Json(params.page(provider.resource.spec.keys, |key| &key.name)?))
}

/// Adds a credential to a provider. The secret is sealed by the client; clear text is refused.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/providers/{name}/keys", tag = "providers",
    operation_id = "add_provider_key",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The provider's name or id."),
    ),
    request_body = ProviderKeySpec,
    responses(
        (status = 201, description = "The credential, without its secret.", body = ProviderKeySpec),
        Refusals, BodyRefusals
    )
)]
pub(super) async fn add_key(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Name(name): Name,
    Document(body): Document,
) -> Result<(StatusCode, Json<ProviderKeySpec>), ApiError> {
    let spec = json!({"type": "OPENAI", "keys": [&body]});
    let wrong = check::check_spec(Kind::Provider, &spec);
    if !wrong.is_empty() {
        return Err(ApiError::fields(super::body::nested(wrong, "/keys/0")));
    }
    let mut key: ProviderKeySpec = serde_json::from_value(body.clone()).map_err(ApiError::internal)?;
    let new = key.name.clone();
    let edit = move |spec: &mut Value| {
        let keys = entries(spec, "keys")?;
        if keys.iter().any(|other| other["name"] == new.as_str()) {
            let message = format!("the provider has a key `{new}` already");
            return Err(ApiError::fields(vec![field("/name", TAKEN, message)]));
        }
        // First, so that what is wrong with it points to a place that is known.
        keys.insert(0, body);
        Ok(())
    };
    let intent = Intent::Edit("add-key", Box::new(edit));
    engine::one::<ProviderSpec>(&gateway, &Setting::within(caller, tenant), name, intent, Place::SPEC)
        .await
        .map_err(|error| error.strip("/keys/0"))?;
    if let Some(secret) = &mut key.secret {
        secret.sealed = None;
    }
    Ok((StatusCode::CREATED, Json(key)))
}

/// Deletes a credential, unless a model uses it.
#[utoipa::path(
    delete, path = "/api/organisations/{organisation}/providers/{name}/keys/{key}", tag = "providers",
    operation_id = "delete_provider_key",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The provider's name or id."),
        ("key" = String, Path, description = "The credential's name."),
    ),
    responses((status = 204, description = "It is gone."), Refusals, BodyRefusals)
)]
pub(super) async fn delete_key(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Name(name): Name,
    Last(key): Last,
) -> Result<StatusCode, ApiError> {
    let edit = move |spec: &mut Value| {
        let keys = entries(spec, "keys")?;
        let before = keys.len();
        keys.retain(|other| other["name"] != key.as_str());
        if keys.len() == before { Err(ApiError::not_found("provider key", &key)) } else { Ok(()) }
    };
    let intent = Intent::Edit("delete-key", Box::new(edit));
    engine::one::<ProviderSpec>(&gateway, &Setting::within(caller, tenant), name, intent, Place::SPEC).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops a credential from being used.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/providers/{name}/keys/{key}/revoke", tag = "providers",
    operation_id = "revoke_provider_key",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The provider's name or id."),
        ("key" = String, Path, description = "The credential's name."),
    ),
    responses((status = 200, description = "The credential, revoked.", body = ProviderKeySpec), Refusals, BodyRefusals)
)]
pub(super) async fn revoke_key(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Name(name): Name,
    Last(key): Last,
) -> Result<Json<ProviderKeySpec>, ApiError> {
    let wanted = key.clone();
    let edit = move |spec: &mut Value| {
        let found = entries(spec, "keys")?.iter_mut().find(|other| other["name"] == wanted.as_str());
        let found = found.ok_or_else(|| ApiError::not_found("provider key", &wanted))?;
        found["revoked"] = Value::Bool(true);
        Ok(())
    };
    let intent = Intent::Edit("revoke-key", Box::new(edit));
    let setting = Setting::within(caller, tenant);
    let (provider, _) = engine::one::<ProviderSpec>(&gateway, &setting, name, intent, Place::SPEC).await?;
    let revoked = provider.spec.keys.into_iter().find(|other| other.name == key);
    revoked.map(Json).ok_or_else(|| ApiError::internal("a key that was revoked is gone"))
}
