//! Mistral's list (API reference, "Models"): OpenAI's, with what a model can do.

use entity::vocab::{Capability, ModelType};
use serde_json::{Value, json};

use super::{Listing, openai};
use crate::models::Target;
use crate::providers::Family;

/// The context that Mistral's SDK takes a model to have that names none.
const USUAL_CONTEXT: u32 = 32_768;

/// The models of Mistral's routes.
pub(super) static MISTRAL: Listing =
    Listing { family: Family::Mistral, endpoint: "/v1/mistral/models", only_own: true, one, all: openai::all };

fn one(target: &Target) -> Value {
    let mut model = openai::one(target);
    let kind = target.model_type;
    let can = |capability| target.capabilities.contains(&capability);
    let chats = matches!(kind, ModelType::Chat | ModelType::Reasoning);
    model["name"] = target.model.as_str().into();
    model["description"] = Value::Null;
    model["aliases"] = json!([]);
    model["max_context_length"] = target.config.context_window.unwrap_or(USUAL_CONTEXT).into();
    model["type"] = "base".into();
    model["capabilities"] = json!({
        "completion_chat": chats,
        "completion_fim": chats,
        "function_calling": can(Capability::ToolUse),
        "reasoning": kind == ModelType::Reasoning || can(Capability::Reasoning),
        "vision": can(Capability::Vision),
        "ocr": kind == ModelType::Ocr,
        "moderation": kind == ModelType::Moderation,
        "classification": kind == ModelType::Moderation,
        "audio": kind == ModelType::Audio,
        "audio_transcription": kind == ModelType::Transcription,
        "audio_speech": kind == ModelType::Tts,
        "fine_tuning": false,
    });
    model
}
