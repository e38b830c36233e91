//! Gemini's routes: `/v1beta/{collection}/{model}:{verb}`, whose paths say what is asked of which model. Google's newer SDKs
//! say `/v1/models/…`, where OpenAI's callers look models up.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;

use super::dialect::Dialect;
use super::models::GEMINI;
use super::router;
use crate::gateway::Gateway;
use crate::pipeline::{self, Received};
use crate::providers::Family;
use crate::providers::gemini::{count, embed, generate, names};
use crate::providers::operation::Operation;

/// The verbs, the names of their routes, and the kinds of call that they ask for.
static VERBS: &[(&str, &str, &dyn Operation)] = &[
    ("generateContent", "/v1beta/models/{model}:generateContent", &generate::GENERATE),
    ("streamGenerateContent", "/v1beta/models/{model}:streamGenerateContent", &generate::STREAM),
    ("countTokens", "/v1beta/models/{model}:countTokens", &count::COUNT_TOKENS),
    ("embedContent", "/v1beta/models/{model}:embedContent", &embed::EMBED),
    ("batchEmbedContents", "/v1beta/models/{model}:batchEmbedContents", &embed::BATCH_EMBED),
];

/// Asks something of a model below `/v1/models/`.
pub(super) async fn ask_model(state: State<Gateway>, Path(path): Path<String>, request: Request<Body>) -> Response {
    ask(state, Path(format!("models/{path}")), request).await
}

/// Asks something of a model.
pub(super) async fn ask(State(gw): State<Gateway>, Path(path): Path<String>, request: Request<Body>) -> Response {
    // A model's name may have a colon of its own.
    let Some((model, verb)) = path.rsplit_once(':') else { return router::not_found(request).await };
    let known = VERBS.iter().find(|(name, ..)| *name == verb);
    let (Some(model), Some((_, route, operation))) = (names::in_path(model), known) else {
        return router::not_found(request).await;
    };
    let received = Received::new(&gw, route, Dialect(Family::Gemini), request).for_model(model.into());
    pipeline::serve(&gw, received, *operation).await
}

/// Lists the models that the key may call.
pub(super) async fn list(State(gw): State<Gateway>, request: Request<Body>) -> Response {
    GEMINI.list(&gw, request).await
}

/// Shows one of them.
pub(super) async fn show(State(gw): State<Gateway>, Path(path): Path<String>, request: Request<Body>) -> Response {
    match names::in_path(&path) {
        Some(model) => GEMINI.show(&gw, model, request).await,
        None => router::not_found(request).await,
    }
}
