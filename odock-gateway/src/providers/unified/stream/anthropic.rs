//! Events of Anthropic's streams (<https://platform.claude.com/docs/en/build-with-claude/streaming>).

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::language::Language;
use super::super::said::Said;
use super::super::stop::StopReason;
use super::Translate;
use super::emit::Emitter;
use crate::providers::anthropic::usage::RunningUsage;

/// Anthropic gives one answer.
const CHOICE: u64 = 0;
const FAMILY: &str = Language::Anthropic.name();

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Message,
    },
    ContentBlockStart {
        index: u64,
        content_block: Value,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    ContentBlockStop {
        index: u64,
    },
    MessageDelta {
        #[serde(default)]
        delta: End,
    },
    MessageStop,
    Error {
        error: Failure,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
struct End {
    #[serde(default)]
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    r#type: Option<Value>,
    #[serde(default)]
    message: Option<String>,
}

/// Where usage stands in an event: beside the message's end, or within its beginning.
#[derive(Deserialize)]
struct Counts<'a> {
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    message: Option<Inner<'a>>,
}

#[derive(Deserialize)]
struct Inner<'a> {
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Debug, Default)]
pub(super) struct Anthropic {
    blocks: HashMap<u64, Block>,
    usage: RunningUsage,
}

/// A block that has begun.
#[derive(Debug)]
enum Block {
    Text,
    Thinking {
        text: String,
        signature: String,
    },
    /// A call, its place among the calls, and whether its arguments have come in pieces.
    Call {
        place: u64,
        input: Value,
        in_pieces: bool,
    },
    /// Goes out as it is, once it is over.
    Whole(Said),
}

impl Anthropic {
    fn begin(&mut self, index: u64, mut block: Value, to: &mut Emitter<'_>) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let begun = match block["type"].as_str() {
            Some("text") => {
                to.text(CHOICE, block["text"].as_str().unwrap_or_default());
                Block::Text
            }
            Some("thinking") => {
                to.reasoning(CHOICE, block["thinking"].as_str().unwrap_or_default());
                Block::Thinking { text: text(&block["thinking"]), signature: text(&block["signature"]) }
            }
            Some("redacted_thinking") => {
                let redacted = block["data"].as_str().map(str::to_owned);
                Block::Whole(Said::Reasoning { family: FAMILY, text: None, signature: None, redacted })
            }
            Some("tool_use") => {
                let place = to.call(CHOICE, &text(&block["id"]), &text(&block["name"]), "", None);
                Block::Call { place, input: block["input"].take(), in_pieces: false }
            }
            _ => Block::Whole(Said::Native { family: FAMILY, block }),
        };
        self.blocks.insert(index, begun);
    }

    fn delta(&mut self, index: u64, delta: Delta, to: &mut Emitter<'_>) {
        match (delta, self.blocks.get_mut(&index)) {
            (Delta::Text { text }, _) => to.text(CHOICE, &text),
            (Delta::Thinking { thinking }, block) => {
                to.reasoning(CHOICE, &thinking);
                if let Some(Block::Thinking { text, .. }) = block {
                    text.push_str(&thinking);
                }
            }
            (Delta::Signature { signature: more }, Some(Block::Thinking { signature, .. })) => {
                signature.push_str(&more);
            }
            (Delta::InputJson { partial_json }, Some(Block::Call { place, in_pieces, .. })) => {
                *in_pieces |= !partial_json.is_empty();
                to.arguments(CHOICE, *place, &partial_json);
            }
            _ => {}
        }
    }

    fn end_block(&mut self, index: u64, to: &mut Emitter<'_>) {
        match self.blocks.remove(&index) {
            Some(Block::Thinking { text, signature }) if !signature.is_empty() => {
                let (text, signature) = (Some(text), Some(signature));
                to.block(CHOICE, &Said::Reasoning { family: FAMILY, text, signature, redacted: None });
            }
            // A call without arguments, or one whose arguments came at once.
            Some(Block::Call { place, input, in_pieces: false }) => {
                let input = if input.is_object() { input.to_string() } else { "{}".to_owned() };
                to.arguments(CHOICE, place, &input);
            }
            Some(Block::Whole(said)) => to.block(CHOICE, &said),
            _ => {}
        }
    }

    fn count(&mut self, data: &[u8], to: &mut Emitter<'_>) {
        let Ok(counts) = serde_json::from_slice::<Counts<'_>>(data) else { return };
        // The beginning knows the prompt; what it says of the answer is a placeholder.
        let (usage, whole) = match counts.usage {
            Some(usage) => (Some(usage), true),
            None => (counts.message.and_then(|message| message.usage), false),
        };
        if let Some(usage) = usage {
            self.usage.update(usage.get());
            if let Some(reported) = self.usage.reported() {
                to.counted(reported, whole);
            }
        }
    }
}

impl Translate for Anthropic {
    fn event(&mut self, data: &[u8], to: &mut Emitter<'_>) {
        let Ok(event) = serde_json::from_slice::<Event>(data) else { return to.unreadable() };
        match event {
            Event::MessageStart { message } => {
                to.named(message.id.unwrap_or_default());
                to.begin(CHOICE);
                self.count(data, to);
            }
            Event::ContentBlockStart { index, content_block } => self.begin(index, content_block, to),
            Event::ContentBlockDelta { index, delta } => self.delta(index, delta, to),
            Event::ContentBlockStop { index } => self.end_block(index, to),
            Event::MessageDelta { delta } => {
                self.count(data, to);
                if let Some(reason) = delta.stop_reason {
                    to.stop(CHOICE, StopReason::of_anthropic(&reason));
                }
            }
            Event::MessageStop => to.done(),
            Event::Error { error } => {
                let message = error.message.unwrap_or_else(|| "the provider failed".to_owned());
                to.error(&message, error.r#type.as_ref());
            }
            Event::Other => {}
        }
    }

    fn end(&mut self, to: &mut Emitter<'_>) {
        if to.seen.finished {
            to.done();
        }
    }
}
