//! Embeddings of one content or of several.

use serde_json::{Value, json};

use super::{JSON, content::invalid_json};
use crate::{
    Script, UsageReport,
    answer::{Operation, Reply},
    json::Object,
    openai,
    request::{Asked, Inbound},
    text::{Counts, text_bytes},
};

/// Numbers of a vector when the request does not say, and the most that it can.
const DIMENSIONS: u64 = 8;
const MAX_DIMENSIONS: u64 = 16_384;

/// Reads a request for one embedding.
pub(super) fn ask<'a>(inbound: &Inbound<'a>, model: &'a str) -> Asked<'a> {
    let request = inbound.object().map_err(|_| invalid_json()).and_then(|fields| {
        let content = fields.get("content").ok_or("* EmbedContentRequest.content: content is not specified\n")?;
        let dimensions = fields.number("outputDimensionality").or(fields.number("output_dimensionality"));
        Ok((text_bytes(content), embedding(content, dimensions)?))
    });
    let operation = request.map(|(bytes, embedding)| -> Operation<'a> {
        Box::new(move |script| answer(script, bytes, "embedding", &embedding))
    });
    Asked::new(Some(model.into()), operation)
}

/// Reads a request for several embeddings.
pub(super) fn ask_batch<'a>(inbound: &Inbound<'a>, model: &'a str) -> Asked<'a> {
    let request = inbound.object().map_err(|_| invalid_json()).and_then(|fields| {
        let requests = fields.list("requests")?;
        let embeddings = requests.iter().map(|request| {
            let dimensions = request["outputDimensionality"].as_u64().or(request["output_dimensionality"].as_u64());
            embedding(&request["content"], dimensions)
        });
        let bytes = requests.iter().map(|request| text_bytes(&request["content"])).sum::<usize>();
        Ok((bytes, Value::Array(embeddings.collect::<Result<_, String>>()?)))
    });
    let operation = request.map(|(bytes, embeddings)| -> Operation<'a> {
        Box::new(move |script| answer(script, bytes, "embeddings", &embeddings))
    });
    Asked::new(Some(model.into()), operation)
}

fn embedding(content: &Value, dimensions: Option<u64>) -> Result<Value, String> {
    let dimensions = dimensions.unwrap_or(DIMENSIONS);
    if dimensions == 0 || dimensions > MAX_DIMENSIONS {
        return Err(format!("* outputDimensionality: {dimensions} is not between 1 and {MAX_DIMENSIONS}\n"));
    }
    Ok(json!({"values": openai::vector(&content.to_string(), dimensions)}))
}

fn answer(script: &Script, bytes: usize, name: &str, value: &Value) -> Reply {
    let tokens = Counts::of_prompt(script, bytes).prompt;
    let usage = || Object::new().overlaid(&[("promptTokenCount", json!(tokens))], &script.usage_detail);
    let usage = (script.usage_report != UsageReport::Never).then(usage);
    Reply::whole(JSON, Object::new().with(name, value).maybe("usageMetadata", usage).into_bytes())
}
