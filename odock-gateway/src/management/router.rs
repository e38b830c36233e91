//! Every route of the management API, and the OpenAPI document made from them.

use axum::handler::Handler;
use axum::routing::MethodRouter;
use axum::{Extension, Router, middleware};
use utoipa::Path;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::PathItemExt;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

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
    let served = Router::new();
    routes()
        .into_iter()
        .fold(served, |router, Route { path, methods, .. }| router.route(&path, methods))
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
    let documented = OpenApiRouter::<Gateway>::with_openapi(base());
    let documented = routes().into_iter().fold(documented, |router, route| router.routes((route.documented)()));
    let (_, mut document) = documented.split_for_parts();
    let components = document.components.get_or_insert_with(|| ComponentsBuilder::new().build());
    components.schemas.extend(refusals::schemas());
    document
}

/// What is served at a path.
struct Route {
    path: String,
    methods: MethodRouter<Gateway>,
    /// What the document says of it. Not made to serve it: that takes megabytes, and most gateways are never asked.
    documented: fn() -> UtoipaMethodRouter<Gateway>,
}

/// Handlers of one module that share a path, as a [`Route`].
macro_rules! routes {
    ($($module:ident)::+: $first:ident $(, $other:ident)*) => {{
        use $($module)::+ as handlers;
        utoipa_axum::paste! {
            Route {
                path: handlers::[<__path_ $first>]::path(),
                methods: on::<handlers::[<__path_ $first>], _, _>(handlers::$first)
                    $(.merge(on::<handlers::[<__path_ $other>], _, _>(handlers::$other)))*,
                documented: || utoipa_axum::routes!(handlers::$first $(, handlers::$other)*),
            }
        }
    }};
}

/// A handler under the methods that its declaration names.
fn on<P: Path, H, T>(handler: H) -> MethodRouter<Gateway>
where
    H: Handler<T, Gateway>,
    T: 'static,
{
    P::methods()
        .iter()
        .fold(MethodRouter::new(), |methods, method| methods.on(method.to_method_filter(), handler.clone()))
}

/// Every route: those of anybody, of the installation, of one organisation.
fn routes() -> Vec<Route> {
    vec![
        routes!(about: version),
        routes!(about: openapi),
        routes!(about: encryption_key),
        routes!(about: matrix),
        routes!(catalogue: list),
        routes!(catalogue: show),
        routes!(can_i: can_i, ask),
        routes!(sign_in: sign_in),
        routes!(sign_in: whoami),
        routes!(sessions: refresh),
        routes!(sessions: sign_out),
        routes!(sessions: list),
        routes!(sessions: end),
        routes!(passwords: set),
        routes!(device: providers),
        routes!(device: begin),
        routes!(device: poll),
        routes!(exchange: exchange),
        routes!(accepting: accept),
        routes!(tokens: list_tokens, create_token),
        routes!(tokens: revoke_token),
        routes!(organisations: list, create),
        routes!(organisations: show, patch, delete),
        routes!(admin: users, create_user),
        routes!(admin: show_user, patch_user, delete_user),
        routes!(admin: sign_in_token),
        routes!(invitations: list_all, invite_organisation),
        routes!(invitations: resend_any),
        routes!(invitations: revoke_any),
        routes!(admin: service_accounts),
        routes!(admin: teams),
        routes!(admin: providers),
        routes!(admin: models),
        routes!(admin: apikeys),
        routes!(admin: budgets),
        routes!(admin: quotas),
        routes!(admin: overlays),
        routes!(usage: list_all),
        routes!(analytics: summary_all),
        routes!(analytics: top_all),
        routes!(ledger: verify_all),
        routes!(secrets: list),
        routes!(secrets: rewrap),
        routes!(live: of_everything),
        routes!(audit_log: of_everything),
        routes!(audit_log: verify_all),
        routes!(organisations: show_own),
        routes!(apply: apply),
        routes!(users: list, create),
        routes!(users: show, patch, delete),
        routes!(users: sign_in_token),
        routes!(approval: approve),
        routes!(approval: decline),
        routes!(invitations: list, invite),
        routes!(invitations: resend),
        routes!(invitations: revoke),
        routes!(service_accounts: list, create),
        routes!(service_accounts: show, patch, delete),
        routes!(service_accounts: list_tokens, create_token),
        routes!(service_accounts: revoke_token),
        routes!(teams: list, create),
        routes!(teams: show, patch, delete),
        routes!(teams: list_members, add_member),
        routes!(teams: remove_member),
        routes!(providers: list, create),
        routes!(providers: show, patch, delete),
        routes!(providers: list_keys, add_key),
        routes!(providers: delete_key),
        routes!(providers: revoke_key),
        routes!(provider_test: test),
        routes!(models: list, create),
        routes!(models: show, patch, delete),
        routes!(apikeys: list, create),
        routes!(apikeys: show, patch, delete),
        routes!(apikeys::secrets: reveal),
        routes!(apikeys::secrets: rotate),
        routes!(apikeys::secrets: acknowledge),
        routes!(apikeys::secrets: finish_rotation),
        routes!(apikeys: revoke),
        routes!(apikeys: unrevoke),
        routes!(apikeys: history),
        routes!(simulate: simulate),
        routes!(apikeys::grants: grant, ungrant),
        routes!(budgets: list, create),
        routes!(budgets: show, patch, delete),
        routes!(quotas: list, create),
        routes!(quotas: show, patch, delete),
        routes!(overlays: list, create),
        routes!(overlays: show, patch, delete),
        routes!(usage: list),
        routes!(analytics: summary),
        routes!(analytics: top),
        routes!(usage: show),
        routes!(ledger: limits),
        routes!(ledger: invoices),
        routes!(ledger: invoice),
        routes!(owners: list),
        routes!(settings: show),
        routes!(ledger: verify),
        routes!(live: of_organisation),
        routes!(audit_log: of_organisation),
        routes!(audit_log: verify),
    ]
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn what_is_served_is_what_is_documented() {
        for route in routes() {
            let (_, documented, _) = (route.documented)();
            let paths: Vec<&String> = documented.paths.keys().collect();
            assert_eq!(paths, [&route.path], "the handlers of a route share one path");
        }
    }
    /// The document keeps one schema a name and lets the others go in silence.
    #[test]
    fn a_schema_has_a_name_of_its_own() {
        let mut named = HashMap::new();
        for route in routes() {
            let (schemas, ..) = (route.documented)();
            for (name, schema) in schemas {
                let schema = serde_json::to_value(schema).expect("a schema is JSON");
                let first = named.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(*first, schema, "two schemas are named {name}, the second at {}", route.path);
            }
        }
    }
}
