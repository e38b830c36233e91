//! The list of models, and one of them.

use http::Method;
use serde_json::{Value, json};

use super::{CREATED, Vendor};
use crate::{
    answer::Reply,
    family::Problem,
    request::{Asked, Inbound},
};

/// Models of the list, beside those of the naming convention.
fn names(vendor: Vendor) -> &'static [&'static str] {
    match vendor {
        Vendor::OpenAi | Vendor::Azure => &["gpt-4o", "gpt-4o-mini", "text-embedding-3-small"],
        Vendor::Vllm => &["Qwen/Qwen3-8B"],
        Vendor::Mistral => &["mistral-large-latest", "codestral-latest", "mistral-embed", "mistral-ocr-latest"],
        Vendor::HuggingFace => &["Qwen/Qwen3-8B", "meta-llama/Llama-3.3-70B-Instruct"],
    }
}

/// Reads a request for the list or for one model, if it is one.
pub(super) fn read<'a>(vendor: Vendor, inbound: &Inbound<'a>, route: &'a str) -> Option<Result<Asked<'a>, Problem>> {
    if inbound.method != Method::GET {
        return None;
    }
    if route.ends_with("/models") {
        return Some(Ok(Asked::plain(move |_| Reply::json(list(vendor).to_string()))));
    }
    let (_, name) = route.split_once("/models/")?;
    let known = |name: &str| known(vendor).any(|known| known == name);
    Some(if known(name) {
        Ok(Asked::plain(move |_| Reply::json(model(vendor, name).to_string())))
    } else {
        Err(Problem::NoSuchRoute)
    })
}

fn known(vendor: Vendor) -> impl Iterator<Item = &'static str> {
    names(vendor).iter().copied().chain(crate::MODEL_NAMES.iter().map(|(name, _)| *name))
}

fn list(vendor: Vendor) -> Value {
    json!({"object": "list", "data": known(vendor).map(|name| model(vendor, name)).collect::<Vec<_>>()})
}

fn model(vendor: Vendor, id: &str) -> Value {
    let mut model = json!({"id": id, "object": "model", "created": CREATED, "owned_by": "odock-sim"});
    let further = match vendor {
        Vendor::OpenAi | Vendor::Azure => json!({}),
        Vendor::Vllm => json!({"root": id, "parent": null, "max_model_len": 32_768, "permission": [{
            "id": "modelperm-sim", "object": "model_permission", "created": CREATED, "allow_create_engine": false,
            "allow_sampling": true, "allow_logprobs": true, "allow_search_indices": false, "allow_view": true,
            "allow_fine_tuning": false, "organization": "*", "group": null, "is_blocking": false}]}),
        Vendor::Mistral => json!({"name": id, "description": "A simulated model.", "aliases": [], "deprecation": null,
            "max_context_length": 131_072, "type": "base", "capabilities": {"completion_chat": true,
            "completion_fim": id.starts_with("codestral"), "function_calling": true, "fine_tuning": false,
            "vision": false, "classification": false}}),
        Vendor::HuggingFace => json!({"architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
            "providers": [{"provider": "hf-inference", "status": "live", "context_length": 32_768,
                "supports_tools": true, "supports_structured_output": true,
                "pricing": {"input": 0.1, "output": 0.3}}]}),
    };
    if let (Value::Object(model), Value::Object(further)) = (&mut model, further) {
        model.extend(further);
    }
    model
}
