//! The responses API.

mod events;
mod items;

use serde_json::{Value, json};

pub(super) use events::error_event;

use super::{CREATED, Vendor};
use crate::{
    Script, UsageReport,
    answer::Reply,
    json::Object,
    request::{Asked, Fields, Inbound},
    text::{Counts, text_bytes},
};

/// Fields of the request that the answer repeats, with what it says when the request says nothing.
const ECHOED: &[(&str, &str)] = &[
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("store", "true"),
    ("temperature", "1.0"),
    ("text", r#"{"format":{"type":"text"},"verbosity":"medium"}"#),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1.0"),
    ("truncation", "\"disabled\""),
    ("user", "null"),
];

/// Reads a request for a response.
pub(super) fn ask<'a>(_: Vendor, inbound: &Inbound<'a>, deployment: Option<&'a str>) -> Asked<'a> {
    let number = inbound.number;
    Asked::of_object(inbound, deployment, |fields, model| {
        let input = fields.get("input").ok_or("Missing required parameter: 'input'.")?;
        let prompt_bytes = text_bytes(input) + fields.get("instructions").map_or(0, text_bytes);
        let streamed = fields.is_true("stream");
        let call = Call { model, echoed: echoed(&fields), prompt_bytes, number };
        Ok(Box::new(move |script| match streamed {
            true => Reply::Stream(events::stream(&call, script)),
            false => Reply::json(call.response(script, State::of(script)).into_bytes()),
        }))
    })
}

fn echoed(fields: &Fields) -> Vec<(&'static str, Value)> {
    let usual = |json: &str| serde_json::from_str(json).unwrap_or_default();
    ECHOED.iter().map(|(name, json)| (*name, fields.get(name).cloned().unwrap_or_else(|| usual(json)))).collect()
}

/// A request, as far as the answer depends on it.
struct Call {
    model: String,
    echoed: Vec<(&'static str, Value)>,
    prompt_bytes: usize,
    number: u64,
}

/// How far a response has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State<'a> {
    InProgress,
    Completed,
    /// It ended early, for this reason.
    Incomplete(&'a str),
    Failed,
}

impl<'a> State<'a> {
    /// How the scripted answer ends: a finish reason is one of ending early.
    fn of(script: &'a Script) -> Self {
        match script.finish_reason.as_deref() {
            None | Some("stop" | "completed" | "tool_calls") => Self::Completed,
            Some("length") => Self::Incomplete("max_output_tokens"),
            Some(reason) => Self::Incomplete(reason),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed => "failed",
        }
    }
}

impl Call {
    fn response(&self, script: &Script, state: State<'_>) -> Object {
        let ended = matches!(state, State::Completed | State::Incomplete(_));
        let output = if ended { items::of(script, self.number) } else { Vec::new() };
        let failure = json!({"code": "server_error", "message": "The model failed to generate a response."});
        let incomplete = match state {
            State::Incomplete(reason) => json!({"reason": reason}),
            _ => Value::Null,
        };
        let usage = (ended && script.usage_report != UsageReport::Never).then(|| self.usage(script));
        let object = Object::new()
            .with("id", format!("resp_sim_{}", self.number))
            .with("object", "response")
            .with("created_at", CREATED)
            .with("status", state.name())
            .with("background", false)
            .maybe("completed_at", (state == State::Completed).then_some(CREATED))
            .with("error", if state == State::Failed { failure } else { Value::Null })
            .with("incomplete_details", incomplete)
            .with("model", &self.model)
            .with("output", output)
            .with("service_tier", if ended { "default" } else { "auto" });
        let object = self.echoed.iter().fold(object, |object, (name, value)| object.with(name, value));
        object.with("usage", usage)
    }

    fn usage(&self, script: &Script) -> Object {
        let counts = Counts::of(script, self.prompt_bytes);
        let thought = script.reasoning.as_ref().map_or(0, |text| text.len().div_ceil(4) as u64);
        let fields = [
            ("input_tokens", json!(counts.prompt)),
            ("input_tokens_details", json!({"cached_tokens": 0, "cache_write_tokens": 0})),
            ("output_tokens", json!(counts.completion)),
            ("output_tokens_details", json!({"reasoning_tokens": thought.min(counts.completion)})),
            ("total_tokens", json!(counts.total())),
        ];
        Object::new().overlaid(&fields, &script.usage_detail)
    }
}
