//! The models that a key may call.

use entity::resource::{ApiKeySpec, ModelSpec};
use serde_json::Value;

use crate::management::body::entries;
use crate::management::crud::prelude::*;
use crate::management::engine::{self, Intent, Place, find};

/// Lets a key call a model. Granting twice is granting once.
#[utoipa::path(
    put, path = "/api/organisations/{organisation}/apikeys/{name}/models/{model}", tag = "apikeys",
    operation_id = "grant",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The key's name or id."),
        ("model" = String, Path, description = "The model's name or id."),
    ),
    responses((status = 204, description = "The key may call the model."), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn grant(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
    Last(model): Last,
) -> Result<StatusCode, ApiError> {
    Box::pin(change_grant(&gateway, caller, reached, (name, model), "grant")).await
}

/// Stops a key from calling a model. Ungranting twice is ungranting once.
#[utoipa::path(
    delete, path = "/api/organisations/{organisation}/apikeys/{name}/models/{model}", tag = "apikeys",
    operation_id = "ungrant",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The key's name or id."),
        ("model" = String, Path, description = "The model's name or id."),
    ),
    responses((status = 204, description = "The key may not call the model."), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn ungrant(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
    Last(model): Last,
) -> Result<StatusCode, ApiError> {
    Box::pin(change_grant(&gateway, caller, reached, (name, model), "ungrant")).await
}

async fn change_grant(
    gateway: &Gateway,
    caller: Caller,
    reached: Reached,
    (name, model): (String, String),
    verb: &'static str,
) -> Result<StatusCode, ApiError> {
    let model = find::<ModelSpec>(gateway.database.reader(), reached.scope(), &model).await?.resource.name;
    let edit = move |spec: &mut Value| {
        let models = entries(spec, "models")?;
        models.retain(|other| *other != model.as_str());
        if verb == "grant" {
            models.push(Value::String(model));
        }
        Ok(())
    };
    let intent = Intent::Edit(verb, Box::new(edit));
    engine::one::<ApiKeySpec>(gateway, &Setting::reached(caller, reached), name, intent, Place::SPEC).await?;
    Ok(StatusCode::NO_CONTENT)
}
