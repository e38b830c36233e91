//! Writes chat completion chunks.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::json::bytes;
use super::super::said::Said;
use super::super::stop::StopReason;
use super::super::usage::in_openais_words;
use super::Opening;
use crate::providers::meter::Seen;
use crate::providers::usage::Reported;

/// What was said so far.
#[derive(Debug)]
pub(super) struct State {
    opening: Opening,
    choices: BTreeMap<u64, Spoken>,
}

/// What one choice has said so far.
#[derive(Debug, Default)]
struct Spoken {
    calls: u64,
    blocks: u64,
    finished: bool,
}

impl State {
    pub(super) fn new(opening: Opening) -> Self {
        Self { opening, choices: BTreeMap::new() }
    }
}

/// Writes what is said to the caller, and notes it for the gateway.
pub(super) struct Emitter<'e> {
    pub(super) state: &'e mut State,
    pub(super) seen: &'e mut Seen,
    pub(super) out: &'e mut VecDeque<Bytes>,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u64,
    delta: Delta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Value>,
    finish_reason: Option<&'a str>,
}

/// A piece of an answer.
#[derive(Default, Serialize)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<&'a Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    content_blocks: Vec<Value>,
}

impl Emitter<'_> {
    /// The provider's id of the answer.
    pub(super) fn named(&mut self, id: String) {
        // The chunks of an answer have one id.
        if self.state.choices.is_empty() && !id.is_empty() {
            self.state.opening.id = id;
        }
    }

    /// A choice begins.
    pub(super) fn begin(&mut self, choice: u64) {
        if self.state.choices.contains_key(&choice) {
            return;
        }
        self.state.choices.insert(choice, Spoken::default());
        self.write(choice, Delta { role: Some("assistant"), content: Some(""), ..Delta::default() }, None, None);
    }

    pub(super) fn text(&mut self, choice: u64, text: &str) {
        if !text.is_empty() {
            self.say(choice, text.len(), Delta { content: Some(text), ..Delta::default() });
        }
    }

    pub(super) fn reasoning(&mut self, choice: u64, text: &str) {
        if !text.is_empty() {
            self.say(choice, text.len(), Delta { reasoning_content: Some(text), ..Delta::default() });
        }
    }

    pub(super) fn refusal(&mut self, choice: u64, text: &str) {
        if !text.is_empty() {
            self.say(choice, text.len(), Delta { refusal: Some(text), ..Delta::default() });
        }
    }

    /// A piece of a call in OpenAI's words of 2023.
    pub(super) fn function_call(&mut self, choice: u64, call: &Value) {
        let arguments = call["arguments"].as_str().map_or(0, str::len);
        self.say(choice, arguments, Delta { function_call: Some(call), ..Delta::default() });
    }

    /// A call begins, perhaps with all its arguments. Gives its place among the choice's calls.
    pub(super) fn call(&mut self, choice: u64, id: &str, name: &str, arguments: &str, signature: Option<&str>) -> u64 {
        self.begin(choice);
        let spoken = self.state.choices.entry(choice).or_default();
        let index = spoken.calls;
        spoken.calls += 1;
        let mut call = json!({
            "index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments},
        });
        if let Some(signature) = signature {
            call["extra_content"] = json!({"google": {"thought_signature": signature}});
        }
        self.say(choice, name.len() + arguments.len(), Delta { tool_calls: vec![call], ..Delta::default() });
        index
    }

    /// More of a call's arguments.
    pub(super) fn arguments(&mut self, choice: u64, index: u64, text: &str) {
        if !text.is_empty() {
            let call = json!({"index": index, "function": {"arguments": text}});
            self.say(choice, text.len(), Delta { tool_calls: vec![call], ..Delta::default() });
        }
    }

    /// A whole block, for what cannot be said in deltas: signed reasoning, and what only its own family has.
    pub(super) fn block(&mut self, choice: u64, said: &Said) {
        self.begin(choice);
        let spoken = self.state.choices.entry(choice).or_default();
        let Ok(mut block) = serde_json::to_value(said) else { return };
        // By this number SDKs put the deltas of a list together.
        block["index"] = spoken.blocks.into();
        spoken.blocks += 1;
        self.say(choice, 0, Delta { content_blocks: vec![block], ..Delta::default() });
    }

    /// Log probabilities of what was said last.
    pub(super) fn logprobs(&mut self, choice: u64, logprobs: Value) {
        self.begin(choice);
        self.write(choice, Delta::default(), Some(logprobs), None);
    }

    /// Whether a choice has called a tool.
    pub(super) fn has_called(&self, choice: u64) -> bool {
        self.state.choices.get(&choice).is_some_and(|spoken| spoken.calls > 0)
    }

    /// The provider has counted. What it says before it has counted any of the answer is of the prompt alone: if the stream is
    /// cut, the answer is estimated.
    pub(super) fn counted(&mut self, reported: Reported, whole: bool) {
        if whole {
            self.seen.reported = Some(reported);
        } else {
            self.seen.prompt = Some(reported.tokens.prompt());
        }
    }

    /// A choice ends.
    pub(super) fn stop(&mut self, choice: u64, reason: StopReason) {
        self.begin(choice);
        let spoken = self.state.choices.entry(choice).or_default();
        if std::mem::replace(&mut spoken.finished, true) {
            return;
        }
        self.seen.finished = true;
        self.seen.has_content = true;
        self.write(choice, Delta::default(), None, Some(reason.finish_reason()));
    }

    /// The answer ends.
    pub(super) fn done(&mut self) {
        if std::mem::replace(&mut self.seen.done, true) {
            return;
        }
        let usage = self.seen.reported.as_ref().map(|reported| in_openais_words(&reported.tokens));
        if let Some(usage) = usage.filter(|_| self.state.opening.wants_usage) {
            self.chunk(&[], Some(usage));
        }
        self.out.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
    }

    /// The answer failed upstream. Nothing comes after it.
    pub(super) fn error(&mut self, message: &str, code: Option<&Value>) {
        self.failed(&json!({"message": message, "type": "server_error", "param": null, "code": code}));
    }

    /// An event came that cannot be read. What it said would be missing, and nobody would know.
    pub(super) fn unreadable(&mut self) {
        self.error("the provider sent an event that cannot be read", None);
    }

    /// The answer failed upstream, in OpenAI's own words.
    pub(super) fn failed(&mut self, error: &Value) {
        self.seen.upstream_error = true;
        self.seen.done = true;
        self.out.push_back(event(&bytes(&json!({"error": error}))));
    }

    fn say(&mut self, choice: u64, content: usize, delta: Delta<'_>) {
        self.begin(choice);
        self.seen.content_bytes += content;
        self.seen.has_content = true;
        self.write(choice, delta, None, None);
    }

    fn write(&mut self, index: u64, delta: Delta<'_>, logprobs: Option<Value>, finish_reason: Option<&str>) {
        self.chunk(&[Choice { index, delta, logprobs, finish_reason }], None);
    }

    fn chunk(&mut self, choices: &[Choice<'_>], usage: Option<Value>) {
        let Opening { id, model, created, .. } = &self.state.opening;
        let object = "chat.completion.chunk";
        self.out.push_back(event(&bytes(&Chunk { id, object, created: *created, model, choices, usage })));
    }
}

/// An event with its data.
pub(super) fn event(data: &[u8]) -> Bytes {
    [b"data: ", data, b"\n\n"].concat().into()
}
