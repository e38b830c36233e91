//! The routes of the data plane. A governed route does nothing but open a case and hand it to the pipeline.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::CONTENT_TYPE;
use tower_http::catch_panic::CatchPanicLayer;

use super::dialect::Dialect;
use super::{governed, health, invalidate, jobs, keys, models};
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::providers::Family;
use crate::telemetry::PROMETHEUS_TEXT;

/// Every route of the data plane.
pub fn router(gw: Gateway) -> Router {
    let mut router = Router::new()
        .route("/v1/health", get(health::live))
        .route("/v1/healthz", get(health::ready))
        .route("/v1/keys/validate", post(keys::validate))
        .route("/v1/internal/cache/invalidate", post(invalidate::invalidate));
    router = jobs::add(governed::add(models::add(router)));
    if gw.config.metrics.enabled {
        router = router.route("/metrics", get(prometheus));
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(gw)
}

async fn prometheus(State(gw): State<Gateway>) -> impl IntoResponse {
    let usage = gw.usage.backlog();
    gw.telemetry.metrics.usage().waiting(usage.0, usage.1);
    gw.telemetry.metrics.ledger().under_way(gw.ledger.requests_under_way());
    ([(CONTENT_TYPE, PROMETHEUS_TEXT)], gw.telemetry.render())
}

pub(super) async fn not_found(request: Request<Body>) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    let kept = ["/v1/responses/", "/openai/responses/", "/openai/v1/responses/"];
    let why = match kept.iter().any(|prefix| path.starts_with(prefix)) {
        // The provider keeps them for its account, which many keys share.
        true => ": the gateway does not know whose the responses are that a provider keeps",
        false => "",
    };
    plain(&request, ErrorCode::NotFound, format!("there is no route {path}{why}"))
}

async fn method_not_allowed(request: Request<Body>) -> Response {
    let message =
        format!("{} does not take {}", request.uri().path().chars().take(200).collect::<String>(), request.method());
    plain(&request, ErrorCode::MethodNotAllowed, message)
}

#[allow(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    // The payload may hold anything; the panic hook has logged where it happened.
    rendered(Family::OpenAi, ErrorCode::Internal, "the gateway failed; its log says why".into())
}

fn plain(request: &Request<Body>, code: ErrorCode, message: String) -> Response {
    rendered(governed::family(request.uri().path()), code, message)
}

fn rendered(family: Family, code: ErrorCode, message: String) -> Response {
    Dialect(family).error(&GatewayError::new(code, message), &uuid::Uuid::now_v7().simple().to_string())
}
