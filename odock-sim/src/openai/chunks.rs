//! Streams of chat completion chunks.

use std::fmt::Arguments;

use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    CREATED, Vendor,
    call::ChatCall,
    chat::finish_reason,
    delta::{Delta, contents},
    wire::Usage,
};
use crate::{
    Script, UsageReport, json,
    stream::{EVENT_STREAM, Stream, data_event},
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
            data_event(&json::bytes(serde_json::json!({
                "id": "", "object": "", "created": 0, "model": "", "choices": [],
                "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
            })))
        });
        filtered.into_iter().chain([self.chunk(&Delta::first(self.script, self.call.vendor), None)]).collect()
    }

    fn closing(&self) -> Vec<Bytes> {
        let last = Delta::last(self.call.vendor);
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

    fn chunk(&self, delta: &Delta, finish_reason: Option<&str>) -> Bytes {
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
        data_event(&json::bytes(&Chunk { vendor: self.call.vendor, id, model: &self.call.model, choices, usage }))
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
    delta: &'a Delta,
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
