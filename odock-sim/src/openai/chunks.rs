//! Streams: the events of an answer, and what is done to them on the way out.

use std::fmt::Arguments;

use bytes::Bytes;
use http::StatusCode;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::{
    CREATED, ChatCall, EVENT_STREAM, error_body, finish_reason,
    wire::{Usage, call_id, to_json},
};
use crate::{
    Fault, Script, UsageReport,
    answer::{Answer, Step},
};

/// Streams the answer: a role chunk, the content chunks, a finish chunk, the usage when asked for, and `[DONE]`.
pub(super) fn stream(script: &Script, call: &ChatCall<'_>, number: u64, status: StatusCode) -> Answer {
    let mut steps = Vec::new();
    Writer { script, call, number, steps: &mut steps }.write();
    if let Some(size) = script.split_events {
        steps = split(steps, size);
    }
    Answer { status, content_type: EVENT_STREAM.to_owned(), declared_length: None, steps: steps.into() }
}

struct Writer<'a> {
    script: &'a Script,
    call: &'a ChatCall<'a>,
    number: u64,
    steps: &'a mut Vec<Step>,
}

impl Writer<'_> {
    fn write(mut self) {
        let contents = contents(self.script, self.number);
        let stop_at = self.stop_at().unwrap_or(usize::MAX);
        if stop_at > 0 {
            self.opening();
            self.contents(&contents[..contents.len().min(stop_at)]);
        }
        match self.script.fault {
            Some(Fault::StallAfter(_)) => self.steps.extend([Step::Flush, Step::Stall]),
            Some(Fault::CutAfter(_)) => self.steps.extend([Step::Flush, Step::Reset]),
            Some(Fault::CloseAfter(_) | Fault::HalfBody) => self.steps.extend([Step::Flush, Step::Close]),
            Some(Fault::EndAfter(_)) => {}
            Some(Fault::ErrorAfter(_)) => self.error(),
            None | Some(Fault::StallBeforeHeaders | Fault::Reset | Fault::Garbage) => self.closing(),
        }
    }

    /// The number of content chunks after which a fault ends the answer.
    fn stop_at(&self) -> Option<usize> {
        match self.script.fault {
            Some(
                Fault::StallAfter(chunks)
                | Fault::CutAfter(chunks)
                | Fault::CloseAfter(chunks)
                | Fault::EndAfter(chunks)
                | Fault::ErrorAfter(chunks),
            ) => Some(chunks),
            Some(Fault::HalfBody) => Some(1),
            None | Some(Fault::StallBeforeHeaders | Fault::Reset | Fault::Garbage) => None,
        }
    }

    fn opening(&mut self) {
        if self.call.azure {
            self.event(&json!({
                "id": "", "object": "", "created": 0, "model": "", "choices": [],
                "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
            }));
        }
        let content = if self.script.tool_calls.is_empty() { json!("") } else { Value::Null };
        self.chunk(&json!({"role": "assistant", "content": content, "refusal": null}), None);
        if self.script.fault == Some(Fault::Garbage) {
            self.steps.push(Step::Write(Bytes::from_static(b"data: {\"id\":\"chatcmpl-sim\",\"choices\":[{\n\n")));
        }
    }

    fn contents(&mut self, contents: &[Value]) {
        for (at, delta) in contents.iter().enumerate() {
            if at > 0 && !self.script.chunk_delay.is_zero() {
                self.steps.push(Step::Wait(self.script.chunk_delay));
            }
            self.chunk(delta, None);
        }
    }

    fn closing(&mut self) {
        self.chunk(&json!({}), Some(finish_reason(self.script)));
        if self.reports_usage() {
            self.emit(&[], Some(Some(Usage::of(self.script, self.call))));
        }
        if !self.script.no_done {
            self.steps.push(Step::Write(Bytes::from_static(b"data: [DONE]\n\n")));
        }
    }

    fn error(&mut self) {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let body = error_body(status, "The server had an error while processing your request.", None);
        self.data(&body);
    }

    /// Whether a last chunk of the stream reports usage, and the others say that they do not.
    fn reports_usage(&self) -> bool {
        self.script.usage_report == UsageReport::WhenAsked && self.call.include_usage
    }

    fn chunk(&mut self, delta: &Value, finish_reason: Option<&str>) {
        let on_finish = self.script.usage_report == UsageReport::OnFinishChunk && finish_reason.is_some();
        let usage = if on_finish {
            Some(Some(Usage::of(self.script, self.call)))
        } else {
            self.reports_usage().then_some(None)
        };
        self.emit(&[Choice { index: 0, delta, logprobs: (), finish_reason }], usage);
    }

    fn emit(&mut self, choices: &[Choice<'_>], usage: Option<Option<Usage<'_>>>) {
        let number = self.number;
        self.event(&Chunk { id: format_args!("chatcmpl-sim-{number}"), model: self.call.model, choices, usage });
    }

    fn event(&mut self, object: &impl Serialize) {
        self.data(&to_json(object));
    }

    fn data(&mut self, json: &[u8]) {
        self.steps.push(Step::Write([b"data: ", json, b"\n\n"].concat().into()));
    }
}

/// A `chat.completion.chunk`. The usage is absent, `null`, or there.
struct Chunk<'a> {
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
        map.serialize_entry("service_tier", "default")?;
        map.serialize_entry("system_fingerprint", "fp_sim")?;
        map.serialize_entry("choices", self.choices)?;
        if let Some(usage) = &self.usage {
            map.serialize_entry("usage", usage)?;
        }
        map.end()
    }
}

/// The deltas of the content chunks.
fn contents(script: &Script, number: u64) -> Vec<Value> {
    if script.tool_calls.is_empty() {
        return pieces(&script.text, script.chunks).into_iter().map(|text| json!({"content": text})).collect();
    }
    let calls = script.tool_calls.iter().enumerate();
    calls
        .flat_map(|(at, call)| {
            let named = json!({"index": at, "id": call_id(number, at), "type": "function",
                "function": {"name": call.name, "arguments": ""}});
            let arguments = pieces(&call.arguments.to_string(), script.chunks);
            let argued = arguments.into_iter().map(move |part| json!({"index": at, "function": {"arguments": part}}));
            std::iter::once(named).chain(argued).map(|entry| json!({"tool_calls": [entry]})).collect::<Vec<_>>()
        })
        .collect()
}

/// Cuts a text into so many pieces of about the same size, or into words. A text that is too short is repeated.
fn pieces(text: &str, count: Option<usize>) -> Vec<String> {
    let Some(count) = count else {
        return text.split_inclusive(' ').map(str::to_owned).collect();
    };
    let characters: Vec<char> = text.chars().collect();
    if characters.len() < count {
        let words = text.split_inclusive(' ').filter(|word| !word.is_empty());
        return words.cycle().take(count).map(str::to_owned).collect();
    }
    let bounds = (0..count).map(|at| at * characters.len() / count..(at + 1) * characters.len() / count);
    bounds.map(|range| characters[range].iter().collect()).collect()
}

/// Cuts all writes into pieces of this many bytes, each sent by itself; pauses and faults stay where they are.
fn split(steps: Vec<Step>, size: usize) -> Vec<Step> {
    let mut cut = Vec::new();
    let mut pending = Vec::new();
    for step in steps {
        match step {
            Step::Write(bytes) => pending.extend_from_slice(&bytes),
            other => {
                flush_pieces(&mut cut, &mut pending, size);
                cut.push(other);
            }
        }
    }
    flush_pieces(&mut cut, &mut pending, size);
    cut
}

fn flush_pieces(cut: &mut Vec<Step>, pending: &mut Vec<u8>, size: usize) {
    for piece in pending.chunks(size) {
        cut.extend([Step::Write(Bytes::copy_from_slice(piece)), Step::Flush]);
    }
    pending.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_the_text() {
        let text = "Grüße aus dem simulierten Upstream";
        for count in [1, 2, 7, 34] {
            let pieces = pieces(text, Some(count));
            assert_eq!((pieces.len(), pieces.concat().as_str()), (count, text));
        }
        assert_eq!(pieces(text, None).len(), 5);
        assert_eq!(pieces("ab", Some(3)), ["ab", "ab", "ab"]);
        assert_eq!(pieces("", Some(3)), [""; 0]);
    }

    #[test]
    fn split_keeps_bytes_and_pauses_in_order() {
        let steps = vec![Step::Write("abcdef".into()), Step::Write("g".into()), Step::Stall];
        let cut = split(steps, 3);
        let written: Vec<_> = cut
            .iter()
            .filter_map(|step| match step {
                Step::Write(bytes) => Some(bytes.as_ref()),
                _ => None,
            })
            .collect();
        assert_eq!(written, [&b"abc"[..], b"def", b"g"]);
        assert_eq!(cut.last(), Some(&Step::Stall));
    }
}
