//! What super admins see across organisations, and super admins themselves.

use entity::resource::{
    ApiKeySpec, ApiKeyState, BudgetSpec, LimitState, ModelSpec, ModelState, OverlaySpec, OverlayState, ProviderSpec,
    ProviderState, QuotaSpec, ServiceAccountSpec, ServiceAccountState, TeamSpec, TeamState, UserSpec, UserState,
};
use entity::session::IssuedToken;

use super::crud::prelude::*;
use super::engine::find;
use super::identity::tokens;
use crate::store::kinds::Found;

macro_rules! across {
    ($name:ident, $spec:ident, $state:ident, $many:literal, $path:literal) => {
        #[utoipa::path(
                            get, path = $path, tag = "admin", operation_id = concat!("list_all_", $many),
                            summary = concat!("Lists the ", $many, " of every organisation."),
                            params(ListOf<$spec>),
                            responses(
                                (status = 200, description = "A page, or what changes.", content(
                                    (Page<Resource<$spec, $state>> = "application/json"), (entity::page::ServerSentEvent = "text/event-stream")
                                )),
                                Refusals
                            )
                        )]
        pub(super) async fn $name(
            State(gateway): State<Gateway>,
            Extension(hub): Extension<Hub>,
            standing: Standing,
            list: ListOf<$spec>,
        ) -> Result<Response, ApiError> {
            crud::list(&gateway, &hub, standing, Scope::Everywhere, list).await
        }
    };
}

across!(users, UserSpec, UserState, "users", "/api/admin/users");
across!(teams, TeamSpec, TeamState, "teams", "/api/admin/teams");
across!(service_accounts, ServiceAccountSpec, ServiceAccountState, "service_accounts", "/api/admin/service-accounts");
across!(providers, ProviderSpec, ProviderState, "providers", "/api/admin/providers");
across!(models, ModelSpec, ModelState, "models", "/api/admin/models");
across!(apikeys, ApiKeySpec, ApiKeyState, "apikeys", "/api/admin/apikeys");
across!(budgets, BudgetSpec, LimitState, "budgets", "/api/admin/budgets");
across!(quotas, QuotaSpec, LimitState, "quotas", "/api/admin/quotas");
across!(overlays, OverlaySpec, OverlayState, "overlays", "/api/admin/overlays");

/// Creates a super admin.
#[utoipa::path(
    post, path = "/api/admin/users", tag = "admin", operation_id = "create_admin", request_body = Create<UserSpec>,
    responses(
        (status = 201, description = "It exists now.", body = Resource<UserSpec, UserState>),
        Refusals, BodyRefusals
    )
)]
pub(super) async fn create_user(
    State(gateway): State<Gateway>,
    caller: Caller,
    Document(body): Document,
) -> Result<Made<UserSpec>, ApiError> {
    crud::create(&gateway, &Setting::nowhere(caller), body).await
}

/// Shows a user of any organisation or of none.
#[utoipa::path(
    get, path = "/api/admin/users/{name}", tag = "admin", operation_id = "show_any_user",
    params(("name" = String, Path, description = "E-mail address or id.")),
    responses((status = 200, description = "It.", body = Resource<UserSpec, UserState>), Refusals)
)]
pub(super) async fn show_user(State(gateway): State<Gateway>, Name(name): Name) -> Result<Shown<UserSpec>, ApiError> {
    crud::show(&gateway, Scope::Everywhere, &name).await
}

/// Changes a user of any organisation or of none by a merge patch (RFC 7396) of its spec.
#[utoipa::path(
    patch, path = "/api/admin/users/{name}", tag = "admin", operation_id = "patch_any_user",
    params(
        ("name" = String, Path, description = "E-mail address or id."),
        ("If-Match" = Option<String>, Header, description = "The revision that is meant, as its ETag."),
    ),
    request_body(content((Object = "application/merge-patch+json"), (Object = "application/json"))),
    responses(
        (status = 200, description = "As it is now.", body = Resource<UserSpec, UserState>),
        Refusals, BodyRefusals
    )
)]
pub(super) async fn patch_user(
    State(gateway): State<Gateway>,
    caller: Caller,
    Name(name): Name,
    headers: HeaderMap,
    Patch(patch): Patch,
) -> Result<Shown<UserSpec>, ApiError> {
    let setting = setting_of(&user(&gateway, &name).await?, caller);
    crud::patch(&gateway, &setting, name, &headers, patch).await
}

/// Deletes a user of any organisation or of none.
#[utoipa::path(
    delete, path = "/api/admin/users/{name}", tag = "admin", operation_id = "delete_any_user",
    params(
        ("name" = String, Path, description = "E-mail address or id."),
        ("If-Match" = Option<String>, Header, description = "The revision that is meant, as its ETag."),
        DeleteParams,
    ),
    responses((status = 204, description = "It is gone."), Refusals, BodyRefusals)
)]
pub(super) async fn delete_user(
    State(gateway): State<Gateway>,
    caller: Caller,
    Name(name): Name,
    headers: HeaderMap,
    Params(params): Params<DeleteParams>,
) -> Result<StatusCode, ApiError> {
    let setting = setting_of(&user(&gateway, &name).await?, caller);
    crud::delete::<UserSpec>(&gateway, &setting, &name, &headers, params).await
}

/// Makes a one-time token by which a user signs in within 24 hours. The one before no longer works.
#[utoipa::path(
    post, path = "/api/admin/users/{name}/sign-in-token", tag = "admin", operation_id = "create_any_sign_in_token",
    params(("name" = String, Path, description = "E-mail address or id.")),
    responses((status = 201, description = "The token: `odock-signin-…`.", body = IssuedToken), Refusals, BodyRefusals)
)]
pub(super) async fn sign_in_token(
    State(gateway): State<Gateway>,
    caller: Caller,
    Name(name): Name,
) -> Result<(StatusCode, Json<IssuedToken>), ApiError> {
    let user = user(&gateway, &name).await?;
    Ok((StatusCode::CREATED, Json(tokens::sign_in_token(&gateway, &caller, &user).await?)))
}

async fn user(gateway: &Gateway, name: &str) -> Result<Found<UserSpec>, ApiError> {
    find::<UserSpec>(gateway.database.reader(), Scope::Everywhere, name).await
}

/// A user is changed where it belongs, under the rules that hold there.
fn setting_of(user: &Found<UserSpec>, caller: Caller) -> Setting {
    match (user.organisation_id, &user.resource.organisation) {
        (Some(id), Some(slug)) => Setting::within(caller, Tenant::new(id, slug.clone())),
        _ => Setting::nowhere(caller),
    }
}
