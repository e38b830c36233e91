//! Gemini's list (API reference, "Models"), in one page.

use entity::vocab::ModelType;
use serde_json::{Value, json};

use super::Listing;
use crate::models::Target;
use crate::providers::Family;

/// The models of Gemini's routes.
pub(in crate::http) static GEMINI: Listing =
    Listing { family: Family::Gemini, endpoint: "/v1beta/models", only_own: true, one, all };

fn one(target: &Target) -> Value {
    let mut model = json!({
        "name": format!("models/{}", target.model),
        "version": "1",
        "displayName": target.model,
        "supportedGenerationMethods": verbs(target.model_type),
    });
    let limits =
        [("inputTokenLimit", target.config.context_window), ("outputTokenLimit", target.config.max_output_tokens)];
    for (name, limit) in limits {
        if let Some(limit) = limit {
            model[name] = limit.into();
        }
    }
    model
}

fn all(models: Vec<Value>) -> Value {
    json!({ "models": models })
}

fn verbs(kind: ModelType) -> &'static [&'static str] {
    match kind {
        ModelType::Embeddings => &["embedContent", "batchEmbedContents", "countTokens"],
        _ => &["generateContent", "streamGenerateContent", "countTokens"],
    }
}
