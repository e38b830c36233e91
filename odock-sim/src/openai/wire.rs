//! The objects of unary answers, and those that streams share with them.

use std::fmt::Arguments;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::ChatCall;
use crate::{Script, ToolCall};

/// A `chat.completion`.
pub(super) struct Completion<'a> {
    pub(super) id: Arguments<'a>,
    pub(super) created: u64,
    pub(super) model: &'a str,
    pub(super) message: Message<'a>,
    pub(super) finish_reason: &'a str,
    pub(super) usage: Option<Usage<'a>>,
}

impl Completion<'_> {
    pub(super) fn to_json(&self) -> Vec<u8> {
        to_json(self)
    }
}

impl Serialize for Completion<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Choice<'a> {
            index: u32,
            message: &'a Message<'a>,
            logprobs: (),
            finish_reason: &'a str,
        }
        let choice = Choice { index: 0, message: &self.message, logprobs: (), finish_reason: self.finish_reason };
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("object", "chat.completion")?;
        map.serialize_entry("created", &self.created)?;
        map.serialize_entry("model", self.model)?;
        map.serialize_entry("choices", &[choice])?;
        if let Some(usage) = &self.usage {
            map.serialize_entry("usage", usage)?;
        }
        map.serialize_entry("service_tier", "default")?;
        map.serialize_entry("system_fingerprint", "fp_sim")?;
        map.end()
    }
}

/// The assistant's message.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallEntry<'a>>,
    refusal: (),
    annotations: [(); 0],
}

impl<'a> Message<'a> {
    pub(super) fn of(script: &'a Script, number: u64) -> Self {
        let tool_calls: Vec<_> =
            script.tool_calls.iter().enumerate().map(|(at, call)| CallEntry::of(call, number, at)).collect();
        let content = tool_calls.is_empty().then_some(script.text.as_str());
        Self { role: "assistant", content, tool_calls, refusal: (), annotations: [] }
    }
}

/// One tool call of a message.
#[derive(Serialize)]
pub(super) struct CallEntry<'a> {
    id: String,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: String,
}

impl<'a> CallEntry<'a> {
    fn of(call: &'a ToolCall, number: u64, at: usize) -> Self {
        let function = Function { name: &call.name, arguments: call.arguments.to_string() };
        Self { id: call_id(number, at), r#type: "function", function }
    }
}

/// The id of a tool call.
pub(super) fn call_id(number: u64, at: usize) -> String {
    format!("call_sim_{number}_{at}")
}

/// What the answer cost.
pub(super) struct Usage<'a> {
    prompt: u64,
    completion: u64,
    detail: &'a Map<String, Value>,
}

impl<'a> Usage<'a> {
    /// The scripted counts, or a quarter of the bytes on either side.
    pub(super) fn of(script: &'a Script, call: &ChatCall<'_>) -> Self {
        let tokens = script.usage;
        Self {
            prompt: tokens.map_or_else(|| quarter(call.text_bytes), |tokens| tokens.prompt),
            completion: tokens.map_or_else(|| quarter(answer_bytes(script)), |tokens| tokens.completion),
            detail: &script.usage_detail,
        }
    }
}

fn quarter(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

fn answer_bytes(script: &Script) -> usize {
    if script.tool_calls.is_empty() {
        return script.text.len();
    }
    script.tool_calls.iter().map(|call| call.name.len() + call.arguments.to_string().len()).sum()
}

impl Serialize for Usage<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let counts = [
            ("prompt_tokens", self.prompt),
            ("completion_tokens", self.completion),
            ("total_tokens", self.prompt.saturating_add(self.completion)),
        ];
        let mut map = to.serialize_map(None)?;
        for (name, count) in counts {
            if !self.detail.contains_key(name) {
                map.serialize_entry(name, &count)?;
            }
        }
        for (name, value) in self.detail {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Serialises one of these objects. None of them can fail: no map has a key that is not a string.
pub(super) fn to_json(object: &impl Serialize) -> Vec<u8> {
    let mut json = Vec::with_capacity(512);
    match serde_json::to_writer(&mut json, object) {
        Ok(()) => json,
        Err(error) => unreachable!("an answer did not serialise: {error}"),
    }
}
