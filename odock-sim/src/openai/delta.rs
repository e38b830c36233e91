//! What the chunks of a streamed chat add, one after the other.

use serde::Serialize;

use super::{Vendor, vendor::thinking};
use crate::{Script, json::Object, text::pieces};

/// The delta of one chunk. What is `None` is left out; what is `Some(None)` is `null`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Option<Said>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Object>,
}

/// What is said: text, or Mistral's parts.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Said {
    Text(String),
    Parts(Vec<Object>),
}

impl Delta {
    /// The first: who speaks.
    pub(super) fn first(script: &Script, vendor: Vendor) -> Self {
        let said = script.tool_calls.is_empty() && script.refusal.is_none();
        let (content, refusal) = match vendor {
            Vendor::OpenAi | Vendor::Azure => (said.then_some(Said::Text(String::new())), Some(None)),
            Vendor::Vllm | Vendor::Mistral | Vendor::HuggingFace => (Some(Said::Text(String::new())), None),
        };
        Self { role: Some("assistant"), content: Some(content), refusal, ..Self::default() }
    }

    /// The last, with the finish reason: nothing more, or for Mistral nothing more of the text.
    pub(super) fn last(vendor: Vendor) -> Self {
        match vendor {
            Vendor::Mistral => Self::text(String::new()),
            _ => Self::default(),
        }
    }

    fn text(text: String) -> Self {
        Self { content: Some(Some(Said::Text(text))), ..Self::default() }
    }

    fn thought(vendor: Vendor, words: String) -> Self {
        match vendor {
            Vendor::Mistral => Self { content: Some(Some(Said::Parts(vec![thinking(&words)]))), ..Self::default() },
            Vendor::Vllm => Self { reasoning: Some(words), ..Self::default() },
            _ => Self { reasoning_content: Some(words), ..Self::default() },
        }
    }

    fn call(entry: Object) -> Self {
        Self { tool_calls: vec![entry], ..Self::default() }
    }
}

/// The deltas of the content chunks; what is thought comes first, a word a chunk.
pub(super) fn contents(script: &Script, vendor: Vendor, number: u64) -> Vec<Delta> {
    let thought = script.reasoning.iter().flat_map(|text| pieces(text, None));
    let mut deltas: Vec<_> = thought.map(|words| Delta::thought(vendor, words)).collect();
    if let Some(refusal) = &script.refusal {
        let refused = |words| Delta { refusal: Some(Some(words)), ..Delta::default() };
        deltas.extend(pieces(refusal, script.chunks).into_iter().map(refused));
    } else if script.tool_calls.is_empty() {
        deltas.extend(pieces(&script.text, script.chunks).into_iter().map(Delta::text));
    } else if vendor == Vendor::Mistral {
        deltas.push(whole_calls(script, number));
    } else {
        deltas.extend(calls(script, vendor, number));
    }
    deltas
}

/// Tool calls in pieces: the name, then the arguments bit by bit.
fn calls(script: &Script, vendor: Vendor, number: u64) -> Vec<Delta> {
    let mut deltas = Vec::new();
    for (at, call) in script.tool_calls.iter().enumerate() {
        let entry = || Object::new().with("index", at);
        let named = Object::new().with("name", &call.name).with("arguments", "");
        let identified = entry().with("id", vendor.call_id(number, at)).with("type", "function");
        deltas.push(Delta::call(identified.with("function", named)));
        let arguments = pieces(&call.arguments.to_string(), script.chunks).into_iter();
        let argued = |part| entry().with("function", Object::new().with("arguments", part));
        deltas.extend(arguments.map(|part| Delta::call(argued(part))));
    }
    deltas
}

/// Tool calls at once, as Mistral sends them.
fn whole_calls(script: &Script, number: u64) -> Delta {
    let calls = script.tool_calls.iter().enumerate().map(|(at, call)| {
        let function = Object::new().with("name", &call.name).with("arguments", call.arguments.to_string());
        let identified = Object::new().with("id", Vendor::Mistral.call_id(number, at)).with("type", "function");
        identified.with("function", function).with("index", at)
    });
    Delta { tool_calls: calls.collect(), ..Delta::text(String::new()) }
}
