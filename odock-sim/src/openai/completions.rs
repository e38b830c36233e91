//! Completions of a prompt, without messages; Mistral's fill-in-the-middle is answered elsewhere, as a chat.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    CREATED, Vendor,
    chunks::{BROKEN, DONE},
    wire::Usage,
};
use crate::{
    Script, UsageReport,
    answer::Reply,
    json::Object,
    request::{Asked, Inbound},
    stream::{EVENT_STREAM, Stream, data_event},
    text::{pieces, text_bytes},
};

/// Reads a completion request.
pub(super) fn ask<'a>(vendor: Vendor, inbound: &Inbound<'a>, deployment: Option<&'a str>) -> Asked<'a> {
    let number = inbound.number;
    Asked::of_object(inbound, deployment, |fields, model| {
        let prompt_bytes = text_bytes(fields.required("prompt")?);
        let streamed = fields.is_true("stream");
        let asked = fields.get("stream_options").and_then(|options| options["include_usage"].as_bool());
        let call = Call { vendor, model, number, prompt_bytes, include_usage: asked == Some(true) };
        Ok(Box::new(move |script| {
            if streamed {
                return Reply::Stream(call.stream(script));
            }
            let choice = call.choice(&script.text, Some(reason(script)));
            let usage = (script.usage_report != UsageReport::Never).then(|| call.usage(script));
            Reply::json(call.object(&[choice]).maybe("usage", usage).into_bytes())
        }))
    })
}

/// A completion request, as far as the answer depends on it.
struct Call {
    vendor: Vendor,
    model: String,
    number: u64,
    prompt_bytes: usize,
    include_usage: bool,
}

impl Call {
    fn stream(&self, script: &Script) -> Stream {
        let report = script.usage_report;
        let asked = report == UsageReport::WhenAsked && self.include_usage;
        let silent = (asked && self.vendor != Vendor::Vllm).then_some(());
        let contents = pieces(&script.text, script.chunks)
            .iter()
            .map(|piece| event(self.object(&[self.choice(piece, None)]).maybe("usage", silent)))
            .collect();
        let last = self.object(&[self.choice("", Some(reason(script)))]);
        let mut closing = vec![event(match report {
            UsageReport::OnFinishChunk => last.with("usage", self.usage(script)),
            _ => last.maybe("usage", silent),
        })];
        if asked {
            closing.push(event(self.object(&[]).with("usage", self.usage(script))));
        }
        if !script.no_done {
            closing.push(DONE);
        }
        let error = data_event(&self.vendor.stream_error());
        Stream { content_type: EVENT_STREAM, opening: Vec::new(), contents, closing, error, broken: BROKEN }
    }

    fn object(&self, choices: &[Value]) -> Object {
        Object::new()
            .with("id", format!("cmpl-sim-{}", self.number))
            .with("object", "text_completion")
            .with("created", CREATED)
            .with("model", &self.model)
            .with("choices", choices)
    }

    fn choice(&self, text: &str, finish_reason: Option<&str>) -> Value {
        let mut choice = json!({"text": text, "index": 0, "logprobs": null, "finish_reason": finish_reason});
        if self.vendor == Vendor::Vllm {
            choice["stop_reason"] = Value::Null;
        }
        choice
    }

    fn usage<'a>(&self, script: &'a Script) -> Usage<'a> {
        Usage::of(script, self.prompt_bytes)
    }
}

fn reason(script: &Script) -> &str {
    script.finish_reason.as_deref().unwrap_or("stop")
}

fn event(object: Object) -> Bytes {
    data_event(&object.into_bytes())
}
