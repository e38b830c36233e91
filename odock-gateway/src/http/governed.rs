//! The governed routes: which path takes which kind of call. A route does nothing but open a case and hand it to the
//! pipeline.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::post;

use super::dialect::Dialect;
use crate::gateway::Gateway;
use crate::pipeline::{self, Received};
use crate::providers::operation::Operation;
use crate::providers::{Family, openai};

/// The routes whose path says everything.
static ROUTES: &[(&str, &dyn Operation)] = &[("/v1/chat/completions", &openai::chat::CHAT)];

/// Adds every governed route.
pub(super) fn add(mut router: Router<Gateway>) -> Router<Gateway> {
    for (path, operation) in ROUTES.iter().copied() {
        let serve = move |State(gw): State<Gateway>, request: Request<Body>| async move {
            let received = Received::new(&gw, path, Dialect(operation.family()), request);
            pipeline::serve(&gw, received, operation).await
        };
        router = router.route(path, post(serve));
    }
    router
}

/// Whose shape an error has on a path, be there a route or not.
pub(super) fn family(path: &str) -> Family {
    const PREFIXES: &[(&str, Family)] = &[
        ("/v1/llm/", Family::Odock),
        ("/v1/messages", Family::Anthropic),
        ("/v1beta/", Family::Gemini),
        ("/v1/vllm/", Family::Vllm),
        ("/v1/mistral/", Family::Mistral),
        ("/v1/huggingface/", Family::HuggingFace),
    ];
    let known = PREFIXES.iter().find(|(prefix, _)| path.starts_with(prefix));
    known.map_or(Family::OpenAi, |(_, family)| *family)
}
