//! vLLM's list: OpenAI's, with the length of a model's context (vLLM, `vllm/entrypoints/openai/protocol.py`, `ModelCard`).

use serde_json::{Value, json};

use super::{Listing, openai};
use crate::models::Target;
use crate::providers::Family;

/// The models of vLLM's routes.
pub(super) static VLLM: Listing =
    Listing { family: Family::Vllm, endpoint: "/v1/vllm/models", only_own: true, one, all: openai::all };

fn one(target: &Target) -> Value {
    let mut model = openai::one(target);
    model["root"] = target.model.as_str().into();
    model["parent"] = Value::Null;
    model["max_model_len"] = json!(target.config.context_window);
    model
}
