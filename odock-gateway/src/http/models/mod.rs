//! The models that a key may call, as each family lists its own.

mod anthropic;
mod gemini;
mod mistral;
mod openai;
mod vllm;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::HeaderMap;
use serde_json::Value;

pub(super) use self::gemini::GEMINI;
use self::openai::{HUGGING_FACE, OPENAI};
use super::dialect::Dialect;
use super::gemini as gemini_routes;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::models::Target;
use crate::pipeline::{Received, identify_only};
use crate::providers::Family;

const ENDPOINT: &str = "/v1/models";

/// How a family lists models.
pub(super) struct Listing {
    /// Whose errors its callers understand.
    pub(super) family: Family,
    /// The route.
    pub(super) endpoint: &'static str,
    /// Whether models that the family's other routes do not serve are left out.
    only_own: bool,
    /// A model.
    one: fn(&Target) -> Value,
    /// A list of them.
    all: fn(Vec<Value>) -> Value,
}

/// The lists of those families that have a path of their own.
static LISTINGS: &[(&str, &Listing)] = &[
    ("/openai/models", &OPENAI),
    ("/openai/v1/models", &OPENAI),
    ("/v1/huggingface/models", &HUGGING_FACE),
    ("/v1/huggingface/v1/models", &HUGGING_FACE),
    ("/v1/vllm/models", &vllm::VLLM),
    ("/v1/mistral/models", &mistral::MISTRAL),
    ("/v1/mistral/v1/models", &mistral::MISTRAL),
];

/// Adds the routes of every list but Gemini's.
pub(super) fn add(router: Router<Gateway>) -> Router<Gateway> {
    let mut router =
        router.route(ENDPOINT, get(list)).route("/v1/models/{*name}", get(show).post(gemini_routes::ask_model));
    for (path, listing) in LISTINGS.iter().copied() {
        let list =
            move |State(gw): State<Gateway>, request: Request<Body>| async move { listing.list(&gw, request).await };
        let show = move |State(gw): State<Gateway>, Path(name): Path<String>, request: Request<Body>| async move {
            listing.show(&gw, &name, request).await
        };
        router = router.route(path, get(list)).route(&format!("{path}/{{*name}}"), get(show));
    }
    router
}

/// Lists the models that the key may call, in the shape of the caller's family.
async fn list(State(gw): State<Gateway>, request: Request<Body>) -> Response {
    let listing = of(request.headers());
    listing.list(&gw, request).await
}

/// Shows one of them.
async fn show(State(gw): State<Gateway>, Path(name): Path<String>, request: Request<Body>) -> Response {
    let listing = of(request.headers());
    listing.show(&gw, &name, request).await
}

/// The listing on the route that families share: only Anthropic's callers name a version of its protocol, and only Google's
/// present their key in its header.
fn of(headers: &HeaderMap) -> &'static Listing {
    if headers.contains_key("anthropic-version") {
        &anthropic::ANTHROPIC
    } else if headers.contains_key("x-goog-api-key") {
        &GEMINI
    } else {
        &OPENAI
    }
}

impl Listing {
    /// Lists the models that the key may call.
    pub(super) async fn list(&self, gw: &Gateway, request: Request<Body>) -> Response {
        self.answer(gw, None, request, |models| Ok((self.all)(models))).await
    }

    /// Shows one of them.
    pub(super) async fn show(&self, gw: &Gateway, name: &str, request: Request<Body>) -> Response {
        let missing =
            || GatewayError::new(ErrorCode::ModelNotFound, "there is no such model, or this API key may not call it");
        self.answer(gw, Some(name), request, |models| models.into_iter().next().ok_or_else(missing)).await
    }

    async fn answer(
        &self,
        gw: &Gateway,
        only: Option<&str>,
        request: Request<Body>,
        shape: impl FnOnce(Vec<Value>) -> Result<Value, GatewayError>,
    ) -> Response {
        let received = Received::new(gw, self.endpoint, Dialect(self.family), request);
        let case = received.case();
        let granted = granted(gw, received, only).await;
        let shaped = granted.and_then(|targets| {
            let serves = |target: &Target| !self.only_own || self.family.is_served_by(target.provider_type);
            shape(targets.iter().filter(|target| serves(target)).map(|target| (self.one)(target)).collect())
        });
        match shaped {
            Ok(models) => Json(models).into_response(),
            Err(error) => case.dialect.error(&error, case.request_id()),
        }
    }
}

async fn granted(gw: &Gateway, received: Received, only: Option<&str>) -> Result<Vec<Arc<Target>>, GatewayError> {
    let cleared = identify_only(gw, received).await?;
    let mut models = Vec::new();
    for (name, id) in &cleared.principal().models {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let target = gw.models.target(*id).await.map_err(|error| {
            GatewayError::new(ErrorCode::ModelLookupUnavailable, "models cannot be looked up at present")
                .retry_after(1)
                .caused_by(error)
        })?;
        models.extend(target);
    }
    Ok(models)
}
