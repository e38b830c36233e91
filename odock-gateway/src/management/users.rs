//! The people of an organisation.

use entity::resource::{UserSpec, UserState};
use entity::session::IssuedToken;

use super::crud::prelude::*;
use super::engine::find;
use super::identity::tokens;

crud::handlers!(
    UserSpec,
    UserState,
    "user",
    "users",
    "/api/organisations/{organisation}/users",
    "/api/organisations/{organisation}/users/{name}"
);
crud::plain_handlers!(
    UserSpec,
    UserState,
    "user",
    "users",
    "/api/organisations/{organisation}/users",
    "/api/organisations/{organisation}/users/{name}"
);

/// Makes a one-time token by which a user signs in within 24 hours. The one before no longer works.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/users/{name}/sign-in-token", tag = "users",
    operation_id = "create_user_sign_in_token",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "E-mail address or id.")),
    responses((status = 201, description = "The token: `odock-signin-…`.", body = IssuedToken), Refusals, BodyRefusals)
)]
pub(super) async fn sign_in_token(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Name(name): Name,
) -> Result<(StatusCode, Json<IssuedToken>), ApiError> {
    let user = find::<UserSpec>(gateway.database.reader(), Scope::Within(tenant.id), &name).await?;
    Ok((StatusCode::CREATED, Json(tokens::sign_in_token(&gateway, &caller, &user).await?)))
}
