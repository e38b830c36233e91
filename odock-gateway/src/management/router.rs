//! Every route of the management API, and the OpenAPI document made from them.

use axum::{Extension, Router, middleware};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::guard::guard;
use super::attempts::Attempts;
use super::frame::frame;
use super::problem::{ApiError, Code};
use super::{
    about, admin, apikeys, apply, audit_log, budgets, ledger, live, models, organisations, overlays, provider_test,
    providers, quotas, refusals, session, simulate, teams, usage, users,
};
use crate::gateway::Gateway;

/// Every route of the management API, guarded.
pub fn router(gateway: Gateway) -> Router {
    let (router, _) = documented().split_for_parts();
    router
        .fallback(async || ApiError::new(Code::NotFound, "the management API has no such path"))
        // The guard goes before every route, so that none can be forgotten.
        .layer(middleware::from_fn_with_state(gateway.clone(), guard))
        .layer(Extension(Attempts::default()))
        .layer(middleware::from_fn(frame))
        .with_state(gateway)
}

/// The OpenAPI 3.1 document of the management API.
#[must_use]
pub fn openapi() -> OpenApi {
    let (_, mut document) = documented().split_for_parts();
    let components = document.components.get_or_insert_with(|| ComponentsBuilder::new().build());
    components.schemas.extend(refusals::schemas());
    document
}

fn documented() -> OpenApiRouter<Gateway> {
    let organisation = OpenApiRouter::new()
        .routes(routes!(organisations::show_own))
        .routes(routes!(apply::apply))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show, users::patch, users::delete))
        .routes(routes!(users::sign_in_token))
        .routes(routes!(teams::list, teams::create))
        .routes(routes!(teams::show, teams::patch, teams::delete))
        .routes(routes!(teams::list_members, teams::add_member))
        .routes(routes!(teams::remove_member))
        .routes(routes!(providers::list, providers::create))
        .routes(routes!(providers::show, providers::patch, providers::delete))
        .routes(routes!(providers::list_keys, providers::add_key))
        .routes(routes!(providers::delete_key))
        .routes(routes!(providers::revoke_key))
        .routes(routes!(provider_test::test))
        .routes(routes!(models::list, models::create))
        .routes(routes!(models::show, models::patch, models::delete))
        .routes(routes!(apikeys::list, apikeys::create))
        .routes(routes!(apikeys::show, apikeys::patch, apikeys::delete))
        .routes(routes!(apikeys::reveal))
        .routes(routes!(apikeys::rotate))
        .routes(routes!(apikeys::revoke))
        .routes(routes!(apikeys::unrevoke))
        .routes(routes!(apikeys::history))
        .routes(routes!(simulate::simulate))
        .routes(routes!(apikeys::grant, apikeys::ungrant))
        .routes(routes!(budgets::list, budgets::create))
        .routes(routes!(budgets::show, budgets::patch, budgets::delete))
        .routes(routes!(quotas::list, quotas::create))
        .routes(routes!(quotas::show, quotas::patch, quotas::delete))
        .routes(routes!(overlays::list, overlays::create))
        .routes(routes!(overlays::show, overlays::patch, overlays::delete))
        .routes(routes!(usage::list))
        .routes(routes!(usage::summary))
        .routes(routes!(usage::top))
        .routes(routes!(usage::show))
        .routes(routes!(ledger::limits))
        .routes(routes!(ledger::invoice))
        .routes(routes!(ledger::verify))
        .routes(routes!(live::of_organisation))
        .routes(routes!(audit_log::of_organisation));
    let admin = OpenApiRouter::new()
        .routes(routes!(organisations::list, organisations::create))
        .routes(routes!(organisations::show, organisations::patch, organisations::delete))
        .routes(routes!(admin::users, admin::create_user))
        .routes(routes!(admin::show_user, admin::patch_user, admin::delete_user))
        .routes(routes!(admin::sign_in_token))
        .routes(routes!(admin::teams))
        .routes(routes!(admin::providers))
        .routes(routes!(admin::models))
        .routes(routes!(admin::apikeys))
        .routes(routes!(admin::budgets))
        .routes(routes!(admin::quotas))
        .routes(routes!(admin::overlays))
        .routes(routes!(ledger::verify_all))
        .routes(routes!(live::of_everything))
        .routes(routes!(audit_log::of_everything));
    OpenApiRouter::with_openapi(base())
        .routes(routes!(about::version))
        .routes(routes!(about::openapi))
        .routes(routes!(about::encryption_key))
        .routes(routes!(about::matrix))
        .routes(routes!(session::sign_in))
        .routes(routes!(session::sign_out))
        .routes(routes!(session::whoami))
        .routes(routes!(session::list_tokens, session::create_token))
        .routes(routes!(session::revoke_token))
        .merge(admin)
        .merge(organisation)
}

fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Odock management API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Administers organisations, their providers, models and virtual keys, and reads their usage. \
             Every call but sign-in, version and this document needs a personal token.",
        ))
        .contact(Some(ContactBuilder::new().name(Some("Odock")).build()))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A personal token: `odock-pat-…`.")).build();
    let components = ComponentsBuilder::new().security_scheme("token", SecurityScheme::Http(bearer)).build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], &str>("token", [])]))
        .build()
}
