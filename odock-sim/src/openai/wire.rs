//! The objects of unary answers, and those that streams share with them.

use std::fmt::Arguments;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{Vendor, vendor::thinking};
use crate::{Script, ToolCall, json::Object, text::Counts};

/// A `chat.completion`.
pub(super) struct Completion<'a> {
    pub(super) vendor: Vendor,
    pub(super) id: Arguments<'a>,
    pub(super) created: u64,
    pub(super) model: &'a str,
    pub(super) message: Message<'a>,
    pub(super) finish_reason: &'a str,
    pub(super) usage: Option<Usage<'a>>,
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
        if self.vendor.has_tier() {
            map.serialize_entry("service_tier", "default")?;
            map.serialize_entry("system_fingerprint", "fp_sim")?;
        }
        map.end()
    }
}

/// The assistant's message.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    role: &'static str,
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallEntry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<[(); 0]>,
}

/// A message's content: its text, or Mistral's parts.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Vec<Object>),
}

impl<'a> Message<'a> {
    pub(super) fn of(script: &'a Script, vendor: Vendor, number: u64) -> Self {
        let refusal = script.refusal.as_deref();
        let calls = script.tool_calls.iter().enumerate().filter(|_| refusal.is_none());
        let tool_calls: Vec<_> = calls.map(|(at, call)| CallEntry::of(call, vendor.call_id(number, at))).collect();
        let text = (tool_calls.is_empty() && refusal.is_none()).then_some(script.text.as_str());
        let thought = script.reasoning.as_deref();
        let content = match (vendor, thought) {
            (Vendor::Mistral, Some(thought)) => {
                let said = text.map(|text| Object::new().with("type", "text").with("text", text));
                Some(Content::Parts([thinking(thought)].into_iter().chain(said).collect()))
            }
            _ => text.map(Content::Text),
        };
        let speaks_openai = matches!(vendor, Vendor::OpenAi | Vendor::Azure | Vendor::Vllm);
        Self {
            role: "assistant",
            content,
            reasoning: thought.filter(|_| vendor == Vendor::Vllm),
            reasoning_content: thought.filter(|_| !matches!(vendor, Vendor::Mistral | Vendor::Vllm)),
            tool_calls,
            refusal: speaks_openai.then_some(refusal),
            annotations: vendor.has_tier().then_some([]),
        }
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
    fn of(call: &'a ToolCall, id: String) -> Self {
        let function = Function { name: &call.name, arguments: call.arguments.to_string() };
        Self { id, r#type: "function", function }
    }
}

/// What the answer cost.
pub(super) struct Usage<'a> {
    counts: Counts,
    detail: &'a Map<String, Value>,
}

impl<'a> Usage<'a> {
    /// The scripted counts, or a quarter of the bytes on either side.
    pub(super) fn of(script: &'a Script, prompt_bytes: usize) -> Self {
        Self { counts: Counts::of(script, prompt_bytes), detail: &script.usage_detail }
    }
}

impl Serialize for Usage<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let counts = [
            ("prompt_tokens", self.counts.prompt),
            ("completion_tokens", self.counts.completion),
            ("total_tokens", self.counts.total()),
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
