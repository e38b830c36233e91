//! What every kind of resource can do: be listed, created, shown, patched and deleted.

use axum::Json;
use axum::response::{IntoResponse, Response};
use entity::check::{self, code};
use entity::page::Page;
use entity::resource::Resource;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::standing::Standing;
use super::body::Fields;
use super::collection::ListOf;
use super::engine::{self, Intent, Place, Planned, Remove, Setting, find, if_match};
use super::problem::ApiError;
use super::query::encode;
use super::watch::{self, Hub};
use crate::gateway::Gateway;
use crate::store;
use crate::store::kinds::{Scope, Stored};

/// A resource, with its revision as `ETag`.
pub(super) struct Shown<S: Stored>(pub(super) Resource<S, S::State>);

impl<S: Stored> IntoResponse for Shown<S> {
    fn into_response(self) -> Response {
        let tag = etag(&self.0);
        ([(header::ETAG, tag)], Json(self.0)).into_response()
    }
}

/// A resource that has just been created.
pub(super) struct Made<S: Stored>(pub(super) Resource<S, S::State>);

impl<S: Stored> IntoResponse for Made<S> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Shown::<S>(self.0)).into_response()
    }
}

/// The revision as an entity tag.
pub(super) fn etag<S, T>(resource: &Resource<S, T>) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{}\"", resource.revision)).unwrap_or(HeaderValue::from_static("\"\""))
}

/// How to delete.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteParams {
    /// Whether what refers to it is deleted, or loses its reference, too.
    #[serde(default)]
    #[param(default = false)]
    cascade: bool,
}

/// A page of the resources in a scope, or what changes among them.
pub(super) async fn list<S: Stored>(
    gateway: &Gateway,
    hub: &Hub,
    standing: Standing,
    scope: Scope,
    list: ListOf<S>,
) -> Result<Response, ApiError> {
    if list.watch {
        return watch::open(gateway.clone(), hub, standing, scope, list).await;
    }
    let listing = list.listing()?;
    let db = gateway.database.reader();
    let (mut found, next) = store::kinds::page::<S>(db, scope, &listing).await?;
    S::as_of(db, gateway.clock.now(), &mut found).await?;
    S::with_health(&mut found, |provider| gateway.health.of_provider(provider));
    let items = found.into_iter().map(|found| found.resource).collect();
    let page: Page<Resource<S, S::State>> = Page { items, next_cursor: next.map(|position| encode(&position)) };
    Ok(Json(page).into_response())
}

/// One resource by name or id.
pub(super) async fn show<S: Stored>(gateway: &Gateway, scope: Scope, name: &str) -> Result<Shown<S>, ApiError> {
    let db = gateway.database.reader();
    let mut found = find::<S>(db, scope, name).await?;
    S::as_of(db, gateway.clock.now(), std::slice::from_mut(&mut found)).await?;
    S::with_health(std::slice::from_mut(&mut found), |provider| gateway.health.of_provider(provider));
    Ok(Shown(found.resource))
}

/// Creates a resource from `{"name": …, "spec": …}`.
pub(super) async fn create<S: Planned>(gateway: &Gateway, setting: &Setting, body: Value) -> Result<Made<S>, ApiError> {
    let fields = Fields::of(body)?;
    let (name, spec) = read_create::<S>(fields)?;
    let (made, _) = engine::one::<S>(gateway, setting, name, Intent::Create(spec), Place::CREATE).await?;
    Ok(Made(made))
}

/// Reads name and spec of a new resource, with all their mistakes.
pub(super) fn read_create<S: Stored>(mut fields: Fields) -> Result<(String, Value), ApiError> {
    let name = fields.name(S::KIND);
    let spec = fields.required("spec");
    if let Some(spec) = &spec {
        let wrong = check::check_spec(S::KIND, spec).into_iter();
        fields.extend(wrong.map(|violation| violation.under("/spec").into_field_error()));
    }
    fields.finish()?;
    match (name, spec) {
        (Some(name), Some(spec)) => Ok((name, spec)),
        _ => Err(ApiError::fields(vec![super::problem::field("", code::MISSING, "`name` and `spec` are needed")])),
    }
}

/// Changes a resource by a merge patch of its spec.
pub(super) async fn patch<S: Planned>(
    gateway: &Gateway,
    setting: &Setting,
    name: String,
    headers: &HeaderMap,
    patch: Value,
) -> Result<Shown<S>, ApiError> {
    let intent = Intent::Merge(patch, if_match(headers)?);
    let (changed, _) = engine::one::<S>(gateway, setting, name, intent, Place::SPEC).await?;
    Ok(Shown(changed))
}

/// Deletes a resource.
pub(super) async fn delete<S: Planned>(
    gateway: &Gateway,
    setting: &Setting,
    name: &str,
    headers: &HeaderMap,
    params: DeleteParams,
) -> Result<StatusCode, ApiError> {
    let how = Remove { cascade: params.cascade, meant: if_match(headers)? };
    engine::remove::<S>(gateway, setting, name, how).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A wire type as a value.
pub(super) fn value(of: &impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(of).map_err(ApiError::internal)
}

/// Writes the handlers of a kind within an organisation: `list`, `show`, `patch`, `delete`.
///
/// They are the same for every kind but for names and types, and the OpenAPI document wants each spelled out.
macro_rules! handlers {
    ($spec:ident, $state:ident, $one:literal, $many:literal, $collection:literal, $item:literal) => {
        #[utoipa::path(
                    get, path = $collection, tag = $many, operation_id = concat!("list_", $many),
                    summary = concat!("Lists the ", $many, " of an organisation."),
                    params(("organisation" = String, Path, description = "Slug or id."), ListOf<$spec>),
                    responses(
                        (status = 200, description = "A page, or what changes.", content(
                            (Page<Resource<$spec, $state>> = "application/json"), (entity::page::ServerSentEvent = "text/event-stream")
                        )),
                        Refusals
                    )
                )]
        pub(super) async fn list(
            State(gateway): State<Gateway>,
            Extension(hub): Extension<Hub>,
            standing: Standing,
            reached: Reached,
            list: ListOf<$spec>,
        ) -> Result<Response, ApiError> {
            crud::list(&gateway, &hub, standing, reached.scope(), list).await
        }

        #[utoipa::path(
                    patch, path = $item, tag = $many, operation_id = concat!("patch_", $one),
                    summary = concat!("Changes a ", $one, " by a merge patch (RFC 7396) of its spec."),
                    params(
                        ("organisation" = String, Path, description = "Slug or id."),
                        ("name" = String, Path, description = "Name or id."),
                        ("If-Match" = Option<String>, Header, description = "The revision that is meant, as its ETag."),
                    ),
                    request_body(content((Object = "application/merge-patch+json"), (Object = "application/json"))),
                    responses(
                        (status = 200, description = "As it is now.", body = Resource<$spec, $state>),
                        Refusals, BodyRefusals
                    )
                )]
        pub(super) async fn patch(
            State(gateway): State<Gateway>,
            caller: Caller,
            reached: Reached,
            Name(name): Name,
            headers: HeaderMap,
            Patch(patch): Patch,
        ) -> Result<Shown<$spec>, ApiError> {
            crud::patch(&gateway, &Setting::reached(caller, reached), name, &headers, patch).await
        }

        #[utoipa::path(
                    delete, path = $item, tag = $many, operation_id = concat!("delete_", $one),
                    summary = concat!("Deletes a ", $one, ", unless something refers to it."),
                    params(
                        ("organisation" = String, Path, description = "Slug or id."),
                        ("name" = String, Path, description = "Name or id."),
                        ("If-Match" = Option<String>, Header, description = "The revision that is meant, as its ETag."),
                        DeleteParams,
                    ),
                    responses((status = 204, description = "It is gone."), Refusals, BodyRefusals)
                )]
        pub(super) async fn delete(
            State(gateway): State<Gateway>,
            caller: Caller,
            reached: Reached,
            Name(name): Name,
            headers: HeaderMap,
            Params(params): Params<DeleteParams>,
        ) -> Result<StatusCode, ApiError> {
            crud::delete::<$spec>(&gateway, &Setting::reached(caller, reached), &name, &headers, params).await
        }
    };
}

/// Writes the plain handlers `create` and `show` of a kind; virtual keys have their own.
macro_rules! plain_handlers {
    ($spec:ident, $state:ident, $one:literal, $many:literal, $collection:literal, $item:literal) => {
        #[utoipa::path(
                            post, path = $collection, tag = $many, operation_id = concat!("create_", $one),
                            summary = concat!("Creates a ", $one, "."),
                            params(("organisation" = String, Path, description = "Slug or id.")),
                            request_body = Create<$spec>,
                            responses(
                                (status = 201, description = "It exists now.", body = Resource<$spec, $state>),
                                Refusals, BodyRefusals
                            )
                        )]
        pub(super) async fn create(
            State(gateway): State<Gateway>,
            caller: Caller,
            reached: Reached,
            Document(body): Document,
        ) -> Result<Made<$spec>, ApiError> {
            crud::create(&gateway, &Setting::reached(caller, reached), body).await
        }

        #[utoipa::path(
                            get, path = $item, tag = $many, operation_id = concat!("show_", $one),
                            summary = concat!("Shows a ", $one, "."),
                            params(
                                ("organisation" = String, Path, description = "Slug or id."),
                                ("name" = String, Path, description = "Name or id."),
                            ),
                            responses((status = 200, description = "It.", body = Resource<$spec, $state>), Refusals)
                        )]
        pub(super) async fn show(
            State(gateway): State<Gateway>,
            reached: Reached,
            Name(name): Name,
        ) -> Result<Shown<$spec>, ApiError> {
            crud::show(&gateway, reached.scope(), &name).await
        }
    };
}

pub(super) use {handlers, plain_handlers};

/// What the handlers above need in scope.
pub(super) mod prelude {
    pub(in crate::management) use axum::extract::State;
    pub(in crate::management) use axum::response::Response;
    pub(in crate::management) use axum::{Extension, Json};
    pub(in crate::management) use entity::page::Page;
    pub(in crate::management) use entity::resource::{Create, Resource};
    pub(in crate::management) use http::{HeaderMap, StatusCode};

    pub(in crate::management) use super::{DeleteParams, Made, Shown};
    pub(in crate::management) use crate::gateway::Gateway;
    pub(in crate::management) use crate::management::access::caller::{Caller, Reached, Tenant};
    pub(in crate::management) use crate::management::access::standing::Standing;
    pub(in crate::management) use crate::management::body::{Document, Last, Name, Patch};
    pub(in crate::management) use crate::management::collection::ListOf;
    pub(in crate::management) use crate::management::crud;
    pub(in crate::management) use crate::management::engine::Setting;
    pub(in crate::management) use crate::management::problem::ApiError;
    pub(in crate::management) use crate::management::query::{ListParams, Params};
    pub(in crate::management) use crate::management::refusals::{BodyRefusals, Refusals};
    pub(in crate::management) use crate::management::watch::Hub;
    pub(in crate::management) use crate::store::kinds::Scope;
}
