//! Streams of chat completion chunks.

use std::fmt::Arguments;

use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::{
    CREATED, Vendor,
    call::ChatCall,
    chat::finish_reason,
    wire::{Usage, to_json},
};
use crate::{
    Script, UsageReport,
    stream::{EVENT_STREAM, Stream, data_event},
    text::pieces,
};

/// The end of a stream.
pub(super) const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// An event that breaks off in the middle of its JSON.
pub(super) const BROKEN: Bytes = Bytes::from_static(b"data: {\"id\":\"chatcmpl-sim\",\"choices\":[{\n\n");

/// The events of an answer: a role chunk, the content chunks, a finish chunk, the usage when asked for, and `[DONE]`.
pub(super) fn stream(script: &Script, call: &ChatCall<'_>, number: u64) -> Stream {
    let writer = Writer { script, call, number };
    Stream {
        content_type: EVENT_STREAM,
        opening: writer.opening(),
        contents: contents(script, call.vendor, number).iter().map(|delta| writer.chunk(delta, None)).collect(),
        closing: writer.closing(),
        error: data_event(&call.vendor.stream_error()),
        broken: BROKEN,
    }
}

struct Writer<'a> {
    script: &'a Script,
    call: &'a ChatCall<'a>,
    number: u64,
}

impl Writer<'_> {
    fn opening(&self) -> Vec<Bytes> {
        let filtered = (self.call.vendor == Vendor::Azure).then(|| {
            data_event(&to_json(&json!({
                "id": "", "object": "", "created": 0, "model": "", "choices": [],
                "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
            })))
        });
        let said = self.script.tool_calls.is_empty() && self.script.refusal.is_none();
        let content = if said { json!("") } else { Value::Null };
        let role = match self.call.vendor {
            Vendor::OpenAi | Vendor::Azure => json!({"role": "assistant", "content": content, "refusal": null}),
            Vendor::Vllm | Vendor::Mistral | Vendor::HuggingFace => json!({"role": "assistant", "content": ""}),
        };
        filtered.into_iter().chain([self.chunk(&role, None)]).collect()
    }

    fn closing(&self) -> Vec<Bytes> {
        let last = match self.call.vendor {
            Vendor::Mistral => json!({"content": ""}),
            _ => json!({}),
        };
        let mut events = vec![self.chunk(&last, Some(finish_reason(self.script)))];
        if self.reports_usage() {
            events.push(self.event(&[], Some(Some(self.usage()))));
        }
        if !self.script.no_done {
            events.push(DONE);
        }
        events
    }

    fn usage(&self) -> Usage<'_> {
        Usage::of(self.script, self.call.text_bytes)
    }

    /// Whether a last chunk of the stream reports usage, and the others say that they do not.
    fn reports_usage(&self) -> bool {
        let unasked = self.call.vendor.always_reports_usage();
        self.script.usage_report == UsageReport::WhenAsked && self.call.include_usage && !unasked
    }

    /// Whether the chunk with the finish reason reports usage.
    fn reports_on_finish(&self) -> bool {
        match self.script.usage_report {
            UsageReport::OnFinishChunk => true,
            UsageReport::WhenAsked => self.call.vendor.always_reports_usage(),
            UsageReport::Never => false,
        }
    }

    fn chunk(&self, delta: &Value, finish_reason: Option<&str>) -> Bytes {
        let usage = if finish_reason.is_some() && self.reports_on_finish() {
            Some(Some(self.usage()))
        } else {
            // vLLM's other chunks say nothing of usage.
            (self.reports_usage() && self.call.vendor != Vendor::Vllm).then_some(None)
        };
        self.event(&[Choice { index: 0, delta, logprobs: (), finish_reason }], usage)
    }

    fn event(&self, choices: &[Choice<'_>], usage: Option<Option<Usage<'_>>>) -> Bytes {
        let id = format_args!("chatcmpl-sim-{}", self.number);
        data_event(&to_json(&Chunk { vendor: self.call.vendor, id, model: &self.call.model, choices, usage }))
    }
}

/// A `chat.completion.chunk`. The usage is absent, `null`, or there.
struct Chunk<'a> {
    vendor: Vendor,
    id: Arguments<'a>,
    model: &'a str,
    choices: &'a [Choice<'a>],
    usage: Option<Option<Usage<'a>>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: &'a Value,
    logprobs: (),
    finish_reason: Option<&'a str>,
}

impl Serialize for Chunk<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("object", "chat.completion.chunk")?;
        map.serialize_entry("created", &CREATED)?;
        map.serialize_entry("model", self.model)?;
        if self.vendor.has_tier() {
            map.serialize_entry("service_tier", "default")?;
            map.serialize_entry("system_fingerprint", "fp_sim")?;
        }
        map.serialize_entry("choices", self.choices)?;
        if let Some(usage) = &self.usage {
            map.serialize_entry("usage", usage)?;
        }
        map.end()
    }
}

/// The deltas of the content chunks; what is thought comes first, a word a chunk.
fn contents(script: &Script, vendor: Vendor, number: u64) -> Vec<Value> {
    let thought = script.reasoning.iter().flat_map(|text| pieces(text, None));
    let mut deltas: Vec<_> = thought.map(|piece| vendor.reasoning_delta(&piece)).collect();
    if let Some(refusal) = &script.refusal {
        deltas.extend(pieces(refusal, script.chunks).into_iter().map(|piece| json!({"refusal": piece})));
    } else if script.tool_calls.is_empty() {
        deltas.extend(pieces(&script.text, script.chunks).into_iter().map(|text| json!({"content": text})));
    } else if vendor == Vendor::Mistral {
        deltas.push(whole_calls(script, number));
    } else {
        deltas.extend(call_deltas(script, vendor, number));
    }
    deltas
}

/// Tool calls in pieces: the name, then the arguments bit by bit.
fn call_deltas(script: &Script, vendor: Vendor, number: u64) -> Vec<Value> {
    let calls = script.tool_calls.iter().enumerate();
    calls
        .flat_map(|(at, call)| {
            let named = json!({"index": at, "id": vendor.call_id(number, at), "type": "function",
                "function": {"name": call.name, "arguments": ""}});
            let arguments = pieces(&call.arguments.to_string(), script.chunks);
            let argued = arguments.into_iter().map(move |part| json!({"index": at, "function": {"arguments": part}}));
            std::iter::once(named).chain(argued).map(|entry| json!({"tool_calls": [entry]})).collect::<Vec<_>>()
        })
        .collect()
}

/// Tool calls at once, as Mistral sends them.
fn whole_calls(script: &Script, number: u64) -> Value {
    let calls = script.tool_calls.iter().enumerate().map(|(at, call)| {
        json!({"id": Vendor::Mistral.call_id(number, at), "index": at, "type": "function",
            "function": {"name": call.name, "arguments": call.arguments.to_string()}})
    });
    json!({"content": "", "tool_calls": calls.collect::<Vec<_>>()})
}
