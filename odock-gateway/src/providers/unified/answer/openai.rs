//! Chat completions of OpenAI's language, Mistral's included.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::language::Language;
use super::super::said::{Called, Said};
use super::super::stop::StopReason;
use super::{Answer, AnswerError, Choice};
use crate::providers::openai::usage::normalise;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    choices: Option<Vec<Given>>,
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    message: Map<String, Value>,
    #[serde(default)]
    finish_reason: Option<String>,
    /// What vLLM says of the end: the stop sequence, or the id of a token.
    #[serde(default)]
    stop_reason: Option<Value>,
    #[serde(default)]
    logprobs: Option<Value>,
}

pub(super) fn decode(body: &[u8], language: Language) -> Result<Answer, AnswerError> {
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|error| AnswerError::new(format!("not a chat completion: {error}")))?;
    let choices = body.choices.filter(|choices| !choices.is_empty());
    let choices = choices.ok_or_else(|| AnswerError::new("the chat completion has no choices"))?;
    let reported = body.usage.and_then(|usage| normalise(usage.get()));
    Ok(Answer::new(body.id, choices.into_iter().map(|given| choice(given, language)).collect(), reported))
}

fn choice(mut given: Given, language: Language) -> Choice {
    let blocks = blocks(&mut given.message, language);
    let refused = blocks.iter().any(|said| matches!(said, Said::Refusal { .. }));
    let stop_sequence = given.stop_reason.as_ref().and_then(Value::as_str).map(str::to_owned);
    let stop = match given.finish_reason.as_deref().map_or(StopReason::Unknown, StopReason::of_openai) {
        StopReason::EndTurn if refused => StopReason::Refusal,
        StopReason::EndTurn if stop_sequence.is_some() => StopReason::StopSequence,
        stop => stop,
    };
    Choice { blocks, stop, stop_sequence, logprobs: given.logprobs.filter(|logprobs| !logprobs.is_null()) }
}

fn blocks(message: &mut Map<String, Value>, language: Language) -> Vec<Said> {
    let mut blocks = Vec::new();
    message.remove("role");
    // Two names for the same thing; some servers give both.
    let thoughts = [message.remove("reasoning_content"), message.remove("reasoning")];
    if let Some(text) = thoughts.into_iter().flatten().find_map(text) {
        blocks.push(Said::Reasoning { family: language.name(), text: Some(text), signature: None, redacted: None });
    }
    match message.remove("content") {
        Some(Value::Array(chunks)) => {
            blocks.extend(chunks.into_iter().filter_map(|chunk| self::chunk(chunk, language)))
        }
        Some(content) => blocks.extend(text(content).map(Said::plain)),
        None => {}
    }
    blocks.extend(message.remove("refusal").and_then(text).map(|refusal| Said::Refusal { refusal }));
    if let Some(Value::Array(calls)) = message.remove("tool_calls") {
        blocks.extend(calls.into_iter().enumerate().map(|(index, call)| self::call(call, index, language)));
    }
    message.retain(|_, value| !is_nothing(value));
    if !message.is_empty() {
        blocks.push(Said::Native { family: language.name(), block: std::mem::take(message).into() });
    }
    blocks
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// A chunk of Mistral's content; `None` for an empty one.
pub(in super::super) fn chunk(mut chunk: Value, language: Language) -> Option<Said> {
    let family = language.name();
    match chunk["type"].as_str() {
        Some("text") => text(taken(&mut chunk, "/text")).map(Said::plain),
        Some("thinking") => {
            let thoughts = match taken(&mut chunk, "/thinking") {
                Value::String(text) => text,
                Value::Array(parts) => {
                    parts.into_iter().filter_map(|mut part| text(taken(&mut part, "/text"))).collect()
                }
                _ => String::new(),
            };
            let signature = text(taken(&mut chunk, "/signature"));
            let said = !thoughts.is_empty() || signature.is_some();
            said.then_some(Said::Reasoning { family, text: Some(thoughts), signature, redacted: None })
        }
        _ => Some(Said::Native { family, block: chunk }),
    }
}

fn call(mut call: Value, index: usize, language: Language) -> Said {
    let Some(name) = text(taken(&mut call, "/function/name")) else {
        return Said::Native { family: language.name(), block: call };
    };
    let id = text(taken(&mut call, "/id")).unwrap_or_else(|| format!("call_{index}"));
    let arguments = arguments(taken(&mut call, "/function/arguments"));
    let signature = text(taken(&mut call, "/extra_content/google/thought_signature"));
    Said::ToolCall(Called { id, name, arguments, signature })
}

/// The value at a pointer (RFC 6901), taken out; null if there is none. An index would panic where there is no object.
fn taken(value: &mut Value, pointer: &str) -> Value {
    value.pointer_mut(pointer).map(Value::take).unwrap_or_default()
}

/// Arguments are JSON in a text; Mistral's may be the object itself.
pub(in super::super) fn arguments(given: Value) -> String {
    match given {
        Value::String(text) => text,
        Value::Null => json!({}).to_string(),
        object => object.to_string(),
    }
}
