//! Users who wait for an administrator's word.

use entity::resource::{UserSpec, UserState};
use entity::vocab::UserStatus;
use serde_json::Value;

use crate::management::crud::prelude::*;
use crate::management::engine::{self, Intent, Place};
use crate::management::problem::Code;

/// Lets a user in who waits.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/users/{name}/approve", tag = "users", operation_id = "approve_user",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "E-mail address or id."),
    ),
    responses((status = 200, description = "The user.", body = Resource<UserSpec, UserState>), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn approve(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Name(name): Name,
) -> Result<Shown<UserSpec>, ApiError> {
    decide(&gateway, Setting::within(caller, tenant), name, "approve", UserStatus::Active).await
}

/// Turns a user away who waits.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/users/{name}/decline", tag = "users", operation_id = "decline_user",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "E-mail address or id."),
    ),
    responses((status = 200, description = "The user.", body = Resource<UserSpec, UserState>), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn decline(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Name(name): Name,
) -> Result<Shown<UserSpec>, ApiError> {
    decide(&gateway, Setting::within(caller, tenant), name, "decline", UserStatus::Revoked).await
}

async fn decide(
    gateway: &Gateway,
    setting: Setting,
    name: String,
    verb: &'static str,
    status: UserStatus,
) -> Result<Shown<UserSpec>, ApiError> {
    let edit = move |spec: &mut Value| {
        if spec["status"] != UserStatus::Pending.as_str() {
            let title = format!("the user does not wait: the status is {}", spec["status"].as_str().unwrap_or("-"));
            return Err(ApiError::new(Code::Conflict, title).hint("change the status to say otherwise"));
        }
        spec["status"] = status.as_str().into();
        Ok(())
    };
    let intent = Intent::Edit(verb, Box::new(edit));
    let (user, _) = engine::one::<UserSpec>(gateway, &setting, name, intent, Place::SPEC).await?;
    Ok(Shown(user))
}
