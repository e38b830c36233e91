//! OpenAI's list (API reference, "Models"), which Hugging Face's router has too.

use serde_json::{Value, json};

use super::{ENDPOINT, Listing};
use crate::models::Target;
use crate::providers::Family;

/// Every model that a key may call: tools of all kinds ask for OpenAI's list.
pub(super) static OPENAI: Listing = Listing { family: Family::OpenAi, endpoint: ENDPOINT, only_own: false, one, all };

/// The models of Hugging Face's routes.
pub(super) static HUGGING_FACE: Listing =
    Listing { family: Family::HuggingFace, endpoint: "/v1/huggingface/models", only_own: true, one, all };

pub(super) fn one(target: &Target) -> Value {
    json!({
        "id": target.model,
        "object": "model",
        "created": target.created_at.0.div_euclid(1_000_000),
        "owned_by": target.provider,
    })
}

pub(super) fn all(models: Vec<Value>) -> Value {
    json!({ "object": "list", "data": models })
}
