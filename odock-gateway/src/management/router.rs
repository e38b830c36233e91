//! Every route of the management API, and the OpenAPI document made from them.

use axum::{Extension, Router, middleware};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::can_i;
use super::access::guard::guard;
use super::frame::frame;
use super::identity::{accepting, approval, device, exchange, invitations, passwords, sessions, sign_in, tokens};
use super::problem::{ApiError, Code};
use super::repeat::Repeats;
use super::watch::Hub;
use super::{
    about, admin, analytics, apikeys, apply, audit_log, budgets, catalogue, ledger, live, models, organisations,
    overlays, owners, provider_test, providers, quotas, refusals, secrets, service_accounts, settings, simulate, teams,
    usage, users,
};
use crate::gateway::Gateway;

/// Every route of the management API, guarded.
pub fn router(gateway: Gateway) -> Router {
    let (router, _) = documented().split_for_parts();
    router
        .fallback(async || ApiError::new(Code::NotFound, "the management API has no such path"))
        // The guard goes before every route, so that none can be forgotten.
        .layer(middleware::from_fn_with_state(gateway.clone(), guard))
        .layer(Extension(Hub::default()))
        .layer(Extension(Repeats::new(&gateway)))
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
        .routes(routes!(approval::approve))
        .routes(routes!(approval::decline))
        .routes(routes!(invitations::list, invitations::invite))
        .routes(routes!(invitations::resend))
        .routes(routes!(invitations::revoke))
        .routes(routes!(service_accounts::list, service_accounts::create))
        .routes(routes!(service_accounts::show, service_accounts::patch, service_accounts::delete))
        .routes(routes!(service_accounts::list_tokens, service_accounts::create_token))
        .routes(routes!(service_accounts::revoke_token))
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
        .routes(routes!(apikeys::secrets::reveal))
        .routes(routes!(apikeys::secrets::rotate))
        .routes(routes!(apikeys::secrets::acknowledge))
        .routes(routes!(apikeys::secrets::finish_rotation))
        .routes(routes!(apikeys::revoke))
        .routes(routes!(apikeys::unrevoke))
        .routes(routes!(apikeys::history))
        .routes(routes!(simulate::simulate))
        .routes(routes!(apikeys::grants::grant, apikeys::grants::ungrant))
        .routes(routes!(budgets::list, budgets::create))
        .routes(routes!(budgets::show, budgets::patch, budgets::delete))
        .routes(routes!(quotas::list, quotas::create))
        .routes(routes!(quotas::show, quotas::patch, quotas::delete))
        .routes(routes!(overlays::list, overlays::create))
        .routes(routes!(overlays::show, overlays::patch, overlays::delete))
        .routes(routes!(usage::list))
        .routes(routes!(analytics::summary))
        .routes(routes!(analytics::top))
        .routes(routes!(usage::show))
        .routes(routes!(ledger::limits))
        .routes(routes!(ledger::invoices))
        .routes(routes!(ledger::invoice))
        .routes(routes!(owners::list))
        .routes(routes!(settings::show))
        .routes(routes!(ledger::verify))
        .routes(routes!(live::of_organisation))
        .routes(routes!(audit_log::of_organisation))
        .routes(routes!(audit_log::verify));
    let admin = OpenApiRouter::new()
        .routes(routes!(organisations::list, organisations::create))
        .routes(routes!(organisations::show, organisations::patch, organisations::delete))
        .routes(routes!(admin::users, admin::create_user))
        .routes(routes!(admin::show_user, admin::patch_user, admin::delete_user))
        .routes(routes!(admin::sign_in_token))
        .routes(routes!(invitations::list_all, invitations::invite_organisation))
        .routes(routes!(invitations::resend_any))
        .routes(routes!(invitations::revoke_any))
        .routes(routes!(admin::service_accounts))
        .routes(routes!(admin::teams))
        .routes(routes!(admin::providers))
        .routes(routes!(admin::models))
        .routes(routes!(admin::apikeys))
        .routes(routes!(admin::budgets))
        .routes(routes!(admin::quotas))
        .routes(routes!(admin::overlays))
        .routes(routes!(usage::list_all))
        .routes(routes!(analytics::summary_all))
        .routes(routes!(analytics::top_all))
        .routes(routes!(ledger::verify_all))
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::rewrap))
        .routes(routes!(live::of_everything))
        .routes(routes!(audit_log::of_everything))
        .routes(routes!(audit_log::verify_all));
    OpenApiRouter::with_openapi(base())
        .routes(routes!(about::version))
        .routes(routes!(about::openapi))
        .routes(routes!(about::encryption_key))
        .routes(routes!(about::matrix))
        .routes(routes!(catalogue::list))
        .routes(routes!(catalogue::show))
        .routes(routes!(can_i::can_i, can_i::ask))
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(sign_in::whoami))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::sign_out))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(passwords::set))
        .routes(routes!(device::providers))
        .routes(routes!(device::begin))
        .routes(routes!(device::poll))
        .routes(routes!(exchange::exchange))
        .routes(routes!(accepting::accept))
        .routes(routes!(tokens::list_tokens, tokens::create_token))
        .routes(routes!(tokens::revoke_token))
        .merge(admin)
        .merge(organisation)
}

fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Odock management API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Administers organisations, their providers, models and virtual keys, and reads their usage. \
             Every call but those that sign somebody in, version and this document needs a token.",
        ))
        .contact(Some(ContactBuilder::new().name(Some("Odock")).build()))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("`odock-pat-…` (personal), `odock-ses-…` (a session) or `odock-sat-…` (a service account)."))
        .build();
    let components = ComponentsBuilder::new().security_scheme("token", SecurityScheme::Http(bearer)).build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], &str>("token", [])]))
        .build()
}
