//! Embeddings, as lists of numbers or as base64 of their bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{CREATED, Vendor};
use crate::{
    Script, UsageReport,
    answer::Reply,
    json::Object,
    request::{Asked, Inbound},
    text::{Counts, text_bytes},
};

/// Numbers of a vector when the request does not say.
const DIMENSIONS: u64 = 8;

/// The most numbers of a vector that can be asked for.
const MAX_DIMENSIONS: u64 = 16_384;

/// Reads an embedding request.
pub(crate) fn ask<'a>(vendor: Vendor, inbound: &Inbound<'a>, deployment: Option<&'a str>) -> Asked<'a> {
    let number = inbound.number;
    Asked::of_object(inbound, deployment, |fields, model| {
        let inputs = inputs(fields.required("input")?)?;
        let dimensions = fields.number("dimensions").or(fields.number("output_dimension")).unwrap_or(DIMENSIONS);
        if dimensions == 0 || dimensions > MAX_DIMENSIONS {
            return Err(format!("Invalid 'dimensions': {dimensions} is not between 1 and {MAX_DIMENSIONS}."));
        }
        let base64 = fields.text("encoding_format") == Some("base64");
        let prompt_bytes = inputs.iter().map(|(bytes, _)| *bytes).sum();
        let data: Vec<_> = inputs.iter().map(|(_, seed)| encoded(vector(seed, dimensions), base64)).collect();
        Ok(Box::new(move |script| {
            Reply::json(answer(script, vendor, &model, &data, prompt_bytes, number).into_bytes())
        }))
    })
}

/// The bytes and the seed of each input: a text or a list of tokens, or several of either.
fn inputs(input: &Value) -> Result<Vec<(usize, String)>, String> {
    let one = |value: &Value| match value {
        Value::String(text) => (text.len(), text.clone()),
        Value::Array(tokens) => (tokens.len() * 4, value.to_string()), // a token counts as four bytes
        other => (text_bytes(other), other.to_string()),
    };
    let inputs = match input {
        Value::Array(items) if items.first().is_some_and(|item| !item.is_number()) => items.iter().map(one).collect(),
        Value::Array(items) if items.is_empty() => Vec::new(),
        single => vec![one(single)],
    };
    if inputs.is_empty() { Err("Invalid 'input': it must not be empty.".to_owned()) } else { Ok(inputs) }
}

fn answer(script: &Script, vendor: Vendor, model: &str, data: &[Value], prompt_bytes: usize, number: u64) -> Object {
    let data: Vec<_> = data
        .iter()
        .enumerate()
        .map(|(at, embedding)| Object::new().with("object", "embedding").with("index", at).with("embedding", embedding))
        .collect();
    let id = match vendor {
        Vendor::OpenAi | Vendor::Azure => None,
        Vendor::Vllm | Vendor::Mistral | Vendor::HuggingFace => Some(format!("embd-sim-{number}")),
    };
    let counts = Counts::of_prompt(script, prompt_bytes);
    let mut fields = vec![("prompt_tokens", json!(counts.prompt)), ("total_tokens", json!(counts.total()))];
    if matches!(vendor, Vendor::Vllm | Vendor::Mistral) {
        fields.push(("completion_tokens", json!(0)));
    }
    let usage = Object::new().overlaid(&fields, &script.usage_detail);
    Object::new()
        .maybe("id", id)
        .with("object", "list")
        .maybe("created", (vendor == Vendor::Vllm).then_some(CREATED))
        .with("data", data)
        .with("model", model)
        .maybe("usage", (script.usage_report != UsageReport::Never).then_some(usage))
}

fn encoded(vector: Vec<f32>, base64: bool) -> Value {
    if base64 {
        let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
        return STANDARD.encode(bytes).into();
    }
    json!(vector)
}

/// A vector of length one, always the same for the same text.
pub(crate) fn vector(text: &str, dimensions: u64) -> Vec<f32> {
    // FNV-1a: any hash will do that does not change from one release to the next.
    let mut state = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The upper sixteen bits, between minus one and one.
        f32::from(u16::try_from(state >> 48).unwrap_or_default()) / 32_768.0 - 1.0
    };
    let numbers: Vec<f32> = (0..dimensions).map(|_| next()).collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length == 0.0 { numbers } else { numbers.into_iter().map(|number| number / length).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_have_length_one_and_depend_on_the_text() {
        let (one, other) = (vector("one", 64), vector("other", 64));
        assert_ne!(one, other);
        assert_eq!(one, vector("one", 64));
        assert!((one.iter().map(|number| number * number).sum::<f32>() - 1.0).abs() < 1e-4);
    }

    #[test]
    fn texts_and_tokens_are_inputs() {
        let bytes = |input: Value| inputs(&input).map(|all| all.iter().map(|(bytes, _)| *bytes).collect::<Vec<_>>());
        assert_eq!(bytes(json!("abc")), Ok(vec![3]));
        assert_eq!(bytes(json!(["a", "bc"])), Ok(vec![1, 2]));
        assert_eq!(bytes(json!([1, 2, 3])), Ok(vec![12]));
        assert_eq!(bytes(json!([[1], [2, 3]])), Ok(vec![4, 8]));
        assert!(bytes(json!([])).is_err());
    }
}
