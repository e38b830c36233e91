//! The governed routes: which path takes which kind of call. A route does nothing but open a case and hand it to the
//! pipeline.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::routing::{get, post};

use super::dialect::Dialect;
use super::gemini;
use crate::gateway::Gateway;
use crate::pipeline::{self, Received};
use crate::providers::operation::{Operation, Takes};
use crate::providers::{Family, anthropic, huggingface, mistral, openai, unified, vllm};

/// The routes whose path says everything.
static ROUTES: &[(&str, &dyn Operation)] = &[
    ("/v1/llm/chat", &unified::CHAT),
    ("/v1/chat/completions", &openai::chat::CHAT),
    ("/v1/completions", &openai::completions::COMPLETIONS),
    ("/v1/responses", &openai::responses::RESPONSES),
    ("/v1/embeddings", &openai::embeddings::EMBEDDINGS),
    ("/v1/images/generations", &openai::images::GENERATIONS),
    ("/v1/images/edits", &openai::images::EDITS),
    ("/v1/images/variations", &openai::images::VARIATIONS),
    // Azure OpenAI's SDKs without a deployment in their path.
    ("/openai/responses", &openai::responses::RESPONSES),
    ("/openai/v1/chat/completions", &openai::chat::CHAT),
    ("/openai/v1/completions", &openai::completions::COMPLETIONS),
    ("/openai/v1/responses", &openai::responses::RESPONSES),
    ("/openai/v1/embeddings", &openai::embeddings::EMBEDDINGS),
    ("/openai/v1/images/generations", &openai::images::GENERATIONS),
    ("/openai/v1/images/edits", &openai::images::EDITS),
    ("/v1/vllm/chat/completions", &vllm::CHAT),
    ("/v1/vllm/completions", &vllm::COMPLETIONS),
    ("/v1/vllm/responses", &vllm::RESPONSES),
    ("/v1/vllm/embeddings", &vllm::EMBEDDINGS),
    ("/v1/vllm/audio/transcriptions", &vllm::TRANSCRIPTIONS),
    ("/v1/vllm/audio/translations", &vllm::TRANSLATIONS),
    ("/v1/vllm/tokenize", &vllm::TOKENIZE),
    ("/v1/vllm/detokenize", &vllm::DETOKENIZE),
    ("/v1/vllm/pooling", &vllm::POOLING),
    ("/v1/vllm/classify", &vllm::CLASSIFY),
    ("/v1/vllm/score", &vllm::SCORE),
    ("/v1/vllm/rerank", &vllm::RERANK),
    ("/v1/mistral/chat/completions", &mistral::CHAT),
    ("/v1/mistral/fim/completions", &mistral::FIM),
    ("/v1/mistral/embeddings", &mistral::EMBEDDINGS),
    ("/v1/mistral/moderations", &mistral::MODERATIONS),
    ("/v1/mistral/ocr", &mistral::OCR),
    // Mistral's own SDK adds a version to its base URL.
    ("/v1/mistral/v1/chat/completions", &mistral::CHAT),
    ("/v1/mistral/v1/fim/completions", &mistral::FIM),
    ("/v1/mistral/v1/embeddings", &mistral::EMBEDDINGS),
    ("/v1/mistral/v1/moderations", &mistral::MODERATIONS),
    ("/v1/mistral/v1/ocr", &mistral::OCR),
    ("/v1/huggingface/chat/completions", &huggingface::chat::CHAT),
    // Hugging Face's own SDK adds a version to its base URL.
    ("/v1/huggingface/v1/chat/completions", &huggingface::chat::CHAT),
    ("/v1/huggingface/feature-extraction", &huggingface::task::FEATURE_EXTRACTION),
    ("/v1/huggingface/text-to-image", &huggingface::task::TEXT_TO_IMAGE),
    ("/v1/huggingface/text-to-video", &huggingface::task::TEXT_TO_VIDEO),
    ("/v1/huggingface/speech-to-text", &huggingface::task::SPEECH_TO_TEXT),
    ("/v1/messages", &anthropic::messages::MESSAGES),
    ("/v1/messages/count_tokens", &anthropic::count_tokens::COUNT_TOKENS),
];

/// The routes of Azure OpenAI's own SDKs: the path names the model. Which version of the API serves it is the provider's
/// setting, whatever the caller's query says.
static DEPLOYMENTS: &[(&str, &dyn Operation)] = &[
    ("/openai/deployments/{model}/chat/completions", &openai::chat::CHAT),
    ("/openai/deployments/{model}/completions", &openai::completions::COMPLETIONS),
    ("/openai/deployments/{model}/embeddings", &openai::embeddings::EMBEDDINGS),
    ("/openai/deployments/{model}/images/generations", &openai::images::GENERATIONS),
    ("/openai/deployments/{model}/images/edits", &openai::images::EDITS),
];

/// Adds every governed route.
pub(super) fn add(mut router: Router<Gateway>) -> Router<Gateway> {
    for (path, operation) in ROUTES.iter().copied() {
        let serve = move |State(gw): State<Gateway>, request: Request<Body>| async move {
            let received = received(&gw, path, operation, request);
            pipeline::serve(&gw, received, operation).await
        };
        router = router.route(path, post(serve));
    }
    for (path, operation) in DEPLOYMENTS.iter().copied() {
        let serve = move |State(gw): State<Gateway>, Path(model): Path<String>, request: Request<Body>| async move {
            let received = received(&gw, path, operation, request).for_model(model);
            pipeline::serve(&gw, received, operation).await
        };
        router = router.route(path, post(serve));
    }
    router.route("/v1beta/models", get(gemini::list)).route("/v1beta/{*path}", get(gemini::show).post(gemini::ask))
}

fn received(gw: &Gateway, path: &'static str, operation: &dyn Operation, request: Request<Body>) -> Received {
    let received = Received::new(gw, path, Dialect(operation.family()), request);
    match operation.takes() {
        Takes::Json | Takes::Any => received,
        Takes::Form => received.with_upload(gw),
    }
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
