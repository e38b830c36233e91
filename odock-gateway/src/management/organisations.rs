//! Organisations, as super admins and their own people see them.

use entity::resource::{OrganisationSpec, OrganisationState};

use super::crud::prelude::*;

/// Shows an organisation to its own people.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}", tag = "organisations", operation_id = "show_own_organisation",
    params(("organisation" = String, Path, description = "Slug or id.")),
    responses((status = 200, description = "It.", body = Resource<OrganisationSpec, OrganisationState>), Refusals)
)]
pub(super) async fn show_own(
    State(gateway): State<Gateway>,
    tenant: Tenant,
) -> Result<Shown<OrganisationSpec>, ApiError> {
    crud::show(&gateway, Scope::Within(tenant.id), &tenant.slug).await
}

/// Lists all organisations.
#[utoipa::path(
    get, path = "/api/admin/organisations", tag = "organisations", operation_id = "list_organisations",
    params(ListOf<OrganisationSpec>),
    responses(
        (status = 200, description = "A page, or what changes.", content(
            (Page<Resource<OrganisationSpec, OrganisationState>> = "application/json"), (entity::page::ServerSentEvent = "text/event-stream")
        )),
        Refusals
    )
)]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Extension(hub): Extension<Hub>,
    standing: Standing,
    list: ListOf<OrganisationSpec>,
) -> Result<Response, ApiError> {
    crud::list(&gateway, &hub, standing, Scope::Everywhere, list).await
}

/// Creates an organisation.
#[utoipa::path(
    post, path = "/api/admin/organisations", tag = "organisations", operation_id = "create_organisation",
    request_body = Create<OrganisationSpec>,
    responses(
        (status = 201, description = "It exists now.", body = Resource<OrganisationSpec, OrganisationState>),
        Refusals, BodyRefusals
    )
)]
pub(super) async fn create(
    State(gateway): State<Gateway>,
    caller: Caller,
    Document(body): Document,
) -> Result<Made<OrganisationSpec>, ApiError> {
    crud::create(&gateway, &Setting::nowhere(caller), body).await
}

/// Shows an organisation.
#[utoipa::path(
    get, path = "/api/admin/organisations/{name}", tag = "organisations", operation_id = "show_organisation",
    params(("name" = String, Path, description = "Slug or id.")),
    responses((status = 200, description = "It.", body = Resource<OrganisationSpec, OrganisationState>), Refusals)
)]
pub(super) async fn show(
    State(gateway): State<Gateway>,
    Name(name): Name,
) -> Result<Shown<OrganisationSpec>, ApiError> {
    crud::show(&gateway, Scope::Everywhere, &name).await
}

/// Changes an organisation by a merge patch (RFC 7396) of its spec.
#[utoipa::path(
    patch, path = "/api/admin/organisations/{name}", tag = "organisations", operation_id = "patch_organisation",
    params(
        ("name" = String, Path, description = "Slug or id."),
        ("If-Match" = Option<String>, Header, description = "The revision that is meant, as its ETag."),
    ),
    request_body(content((Object = "application/merge-patch+json"), (Object = "application/json"))),
    responses(
        (status = 200, description = "As it is now.", body = Resource<OrganisationSpec, OrganisationState>),
        Refusals, BodyRefusals
    )
)]
pub(super) async fn patch(
    State(gateway): State<Gateway>,
    caller: Caller,
    Name(name): Name,
    headers: HeaderMap,
    Patch(patch): Patch,
) -> Result<Shown<OrganisationSpec>, ApiError> {
    crud::patch(&gateway, &Setting::nowhere(caller), name, &headers, patch).await
}

/// Deletes an organisation, unless there is anything in it.
#[utoipa::path(
    delete, path = "/api/admin/organisations/{name}", tag = "organisations", operation_id = "delete_organisation",
    params(
        ("name" = String, Path, description = "Slug or id."),
        ("If-Match" = Option<String>, Header, description = "The revision that is meant, as its ETag."),
        DeleteParams,
    ),
    responses((status = 204, description = "It is gone."), Refusals, BodyRefusals)
)]
pub(super) async fn delete(
    State(gateway): State<Gateway>,
    caller: Caller,
    Name(name): Name,
    headers: HeaderMap,
    Params(params): Params<DeleteParams>,
) -> Result<StatusCode, ApiError> {
    crud::delete::<OrganisationSpec>(&gateway, &Setting::nowhere(caller), &name, &headers, params).await
}
