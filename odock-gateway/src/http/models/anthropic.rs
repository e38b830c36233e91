//! Anthropic's list (API reference, "List Models"), in one page.

use serde_json::{Value, json};

use super::{ENDPOINT, Listing};
use crate::models::Target;
use crate::providers::Family;

/// The models of Anthropic's routes.
pub(super) static ANTHROPIC: Listing =
    Listing { family: Family::Anthropic, endpoint: ENDPOINT, only_own: true, one, all };

fn one(target: &Target) -> Value {
    json!({
        "type": "model",
        "id": target.model,
        "display_name": target.model,
        "created_at": target.created_at.to_string(),
        "max_input_tokens": target.config.context_window,
        "max_tokens": target.config.max_output_tokens,
    })
}

fn all(models: Vec<Value>) -> Value {
    let id = |model: Option<&Value>| model.map(|model| model["id"].clone());
    let (first, last) = (id(models.first()), id(models.last()));
    json!({ "data": models, "has_more": false, "first_id": first, "last_id": last })
}
