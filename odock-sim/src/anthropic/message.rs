//! Messages in one piece, and counts of their tokens.

use serde_json::{Value, json};

use super::{blocks, events};
use crate::{
    Script, UsageReport,
    answer::Reply,
    json::Object,
    request::{Asked, Fields, Inbound},
    text::{Counts, text_bytes},
};

/// A request for a message, as far as the answer depends on it.
pub(super) struct Call {
    pub(super) model: String,
    pub(super) prompt_bytes: usize,
    pub(super) number: u64,
}

/// Reads a request for a message.
pub(super) fn ask<'a>(inbound: &Inbound<'a>) -> Asked<'a> {
    let number = inbound.number;
    asked(inbound, |fields, model| {
        if fields.number("max_tokens").is_none_or(|tokens| tokens == 0) {
            return Err(required("max_tokens"));
        }
        let call = Call { model, prompt_bytes: prompt_bytes(&fields)?, number };
        let streamed = fields.is_true("stream");
        Ok(Box::new(move |script| match streamed {
            true => Reply::Stream(events::stream(&call, script)),
            false => Reply::json(call.finished(script).into_bytes()),
        }))
    })
}

/// Reads a request to count tokens.
pub(super) fn ask_count<'a>(inbound: &Inbound<'a>) -> Asked<'a> {
    asked(inbound, |fields, _| {
        let prompt_bytes = prompt_bytes(&fields)?;
        Ok(Box::new(move |script| {
            let tokens = Counts::of_prompt(script, prompt_bytes).prompt;
            Reply::json(Object::new().with("input_tokens", tokens).into_bytes())
        }))
    })
}

fn asked<'a>(
    inbound: &Inbound<'a>,
    operation: impl FnOnce(Fields, String) -> Result<crate::answer::Operation<'a>, String>,
) -> Asked<'a> {
    match inbound.object() {
        Err(_) => Asked::unreadable("The request body is not valid JSON".to_owned()),
        Ok(fields) => match fields.model() {
            None => Asked::unreadable(required("model")),
            Some(model) => Asked::new(Some(model.clone().into()), operation(fields, model)),
        },
    }
}

fn required(field: &str) -> String {
    format!("{field}: Field required")
}

fn prompt_bytes(fields: &Fields) -> Result<usize, String> {
    let messages = fields.get("messages").ok_or_else(|| required("messages"))?;
    if !messages.is_array() {
        return Err("messages: Input should be a valid list".to_owned());
    }
    Ok(text_bytes(messages) + fields.get("system").map_or(0, text_bytes))
}

impl Call {
    /// The whole message.
    fn finished(&self, script: &Script) -> Object {
        let content: Vec<_> = blocks::scripted(script, self.number).iter().map(blocks::Block::whole).collect();
        let usage = self.usage(script, Counts::of(script, self.prompt_bytes).completion);
        self.begun()
            .with("content", content)
            .with("stop_reason", stop_reason(script))
            .with("stop_sequence", ())
            .with("stop_details", stop_details(script))
            .maybe("usage", usage)
    }

    /// The message as a stream begins it.
    pub(super) fn empty(&self, script: &Script) -> Object {
        self.begun()
            .with("content", [(); 0])
            .with("stop_reason", ())
            .with("stop_sequence", ())
            .with("stop_details", ())
            .maybe("usage", self.usage(script, 1))
    }

    fn begun(&self) -> Object {
        Object::new()
            .with("id", format!("msg_sim_{}", self.number))
            .with("type", "message")
            .with("role", "assistant")
            .with("model", &self.model)
    }

    fn usage(&self, script: &Script, output: u64) -> Option<Object> {
        let fields = [
            ("input_tokens", json!(Counts::of(script, self.prompt_bytes).prompt)),
            ("cache_creation_input_tokens", json!(0)),
            ("cache_read_input_tokens", json!(0)),
            ("cache_creation", json!({"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0})),
            ("output_tokens", json!(output)),
            ("service_tier", json!("standard")),
        ];
        let usage = || Object::new().overlaid(&fields, &script.usage_detail);
        (script.usage_report != UsageReport::Never).then(usage)
    }

    /// The usage at the end of a stream.
    pub(super) fn last_usage(&self, script: &Script) -> Option<Object> {
        let counts = Counts::of(script, self.prompt_bytes);
        let fields = [
            ("input_tokens", json!(counts.prompt)),
            ("cache_creation_input_tokens", json!(0)),
            ("cache_read_input_tokens", json!(0)),
            ("output_tokens", json!(counts.completion)),
        ];
        let usage = || Object::new().overlaid(&fields, &script.usage_detail);
        (script.usage_report != UsageReport::Never).then(usage)
    }
}

/// The reason that is scripted, or the natural one.
pub(super) fn stop_reason(script: &Script) -> &str {
    match &script.finish_reason {
        Some(reason) => reason,
        None if script.refusal.is_some() => "refusal",
        None if !script.tool_calls.is_empty() => "tool_use",
        None => "end_turn",
    }
}

/// More about a refusal.
pub(super) fn stop_details(script: &Script) -> Value {
    match &script.refusal {
        Some(words) => json!({"type": "refusal", "category": null, "explanation": words}),
        None => Value::Null,
    }
}
