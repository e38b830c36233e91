//! What pooling models answer: vectors, classes, scores and ranks.

use serde_json::{Value, json};

use crate::{
    Script, UsageReport,
    answer::{Operation, Reply},
    json::Object,
    openai::{self, CREATED},
    request::{Asked, Fields, Inbound},
    text::{Counts, text_bytes},
};

/// Numbers of a pooled vector.
const DIMENSIONS: u64 = 8;

/// The classes of the simulation's classifier.
const LABELS: [&str; 2] = ["NEGATIVE", "POSITIVE"];

/// Reads a request for pooled vectors.
pub(super) fn ask<'a>(inbound: &Inbound<'a>) -> Asked<'a> {
    list(inbound, "pool", |fields| {
        let inputs = if fields.get("messages").is_some() { fields.list("messages")? } else { fields.list("input")? };
        let data = inputs.iter().enumerate().map(|(at, input)| {
            let vector = openai::vector(&input.to_string(), DIMENSIONS);
            Object::new().with("index", at).with("object", "pooling").with("data", vector)
        });
        Ok((data.collect(), inputs.iter().map(|input| text_bytes(input)).sum()))
    })
}

/// Reads a request for classes.
pub(super) fn ask_classes<'a>(inbound: &Inbound<'a>) -> Asked<'a> {
    list(inbound, "classify", |fields| {
        let inputs = fields.list("input")?;
        let data = inputs.iter().enumerate().map(|(at, input)| {
            let positive = likeness("POSITIVE", &text_of(input));
            Object::new()
                .with("index", at)
                .with("label", LABELS[usize::from(positive >= 0.5)])
                .with("probs", [1.0 - positive, positive])
                .with("num_classes", LABELS.len())
        });
        Ok((data.collect(), inputs.iter().map(|input| text_bytes(input)).sum()))
    })
}

/// Reads a request for the scores of pairs: one text with each of several, or each with its counterpart.
pub(super) fn ask_scores<'a>(inbound: &Inbound<'a>) -> Asked<'a> {
    list(inbound, "score", |fields| {
        let (one, other) =
            if fields.get("queries").is_some() { ("queries", "documents") } else { ("text_1", "text_2") };
        let (ones, others) = (fields.list(one)?, fields.list(other)?);
        if ones.len() != 1 && ones.len() != others.len() {
            return Err("Input lengths must be either 1:1, 1:N or N:N".to_owned());
        }
        let pairs = others.iter().enumerate().map(|(at, other)| (ones[if ones.len() == 1 { 0 } else { at }], other));
        let data = pairs.enumerate().map(|(at, (one, other))| {
            let score = likeness(&text_of(one), &text_of(other));
            Object::new().with("index", at).with("object", "score").with("score", score)
        });
        Ok((data.collect(), ones.iter().chain(&others).map(|text| text_bytes(text)).sum()))
    })
}

/// Reads a request to rank documents.
pub(super) fn ask_ranks<'a>(inbound: &Inbound<'a>) -> Asked<'a> {
    let number = inbound.number;
    Asked::of_object(inbound, None, |fields, model| {
        let query = fields.required("query")?;
        let documents = fields.list("documents")?;
        let mut results: Vec<_> = documents
            .iter()
            .enumerate()
            .map(|(at, document)| (at, text_of(document), likeness(&text_of(query), &text_of(document))))
            .collect();
        results.sort_by(|one, other| other.2.total_cmp(&one.2));
        // As the server has it, a limit of zero is none.
        let limit = fields.number("top_n").and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        results.truncate(limit.unwrap_or(usize::MAX));
        let results: Vec<_> = results
            .into_iter()
            .map(|(at, text, score)| {
                let document = Object::new().with("text", text).with("multi_modal", ());
                Object::new().with("index", at).with("document", document).with("relevance_score", score)
            })
            .collect();
        let bytes = text_bytes(query) + documents.iter().map(|document| text_bytes(document)).sum::<usize>();
        Ok(Box::new(move |script| {
            let answer = Object::new().with("id", format!("rerank-sim-{number}")).with("model", &model);
            Reply::json(answer.maybe("usage", usage(script, bytes)).with("results", &results).into_bytes())
        }))
    })
}

/// An answer in the shape of a list.
fn list<'a>(
    inbound: &Inbound<'a>,
    kind: &'static str,
    read: impl FnOnce(&Fields) -> Result<(Vec<Object>, usize), String>,
) -> Asked<'a> {
    let number = inbound.number;
    Asked::of_object(inbound, None, |fields, model| -> Result<Operation<'a>, String> {
        let (data, bytes) = read(&fields)?;
        Ok(Box::new(move |script| {
            let answer = Object::new()
                .with("id", format!("{kind}-sim-{number}"))
                .with("object", "list")
                .with("created", CREATED)
                .with("model", &model)
                .with("data", &data)
                .maybe("usage", usage(script, bytes));
            Reply::json(answer.into_bytes())
        }))
    })
}

fn usage(script: &Script, bytes: usize) -> Option<Object> {
    let counts = Counts::of_prompt(script, bytes);
    let fields = [
        ("prompt_tokens", json!(counts.prompt)),
        ("total_tokens", json!(counts.total())),
        ("completion_tokens", json!(0)),
        ("prompt_tokens_details", Value::Null),
    ];
    let usage = || Object::new().overlaid(&fields, &script.usage_detail);
    (script.usage_report != UsageReport::Never).then(usage)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other["text"].as_str().map_or_else(|| other.to_string(), str::to_owned),
    }
}

/// How alike two texts are, from nought to one: the same for the same texts, and one for one and the same.
fn likeness(one: &str, other: &str) -> f32 {
    let (one, other) = (openai::vector(one, DIMENSIONS), openai::vector(other, DIMENSIONS));
    let cosine = one.iter().zip(&other).map(|(one, other)| one * other).sum::<f32>();
    ((cosine + 1.0) / 2.0).clamp(0.0, 1.0)
}
