//! The content blocks of a message.

use serde_json::{Value, json};

use crate::{Script, json::Object, text::pieces};

/// One block, and how it comes bit by bit.
#[derive(Debug)]
pub(super) enum Block<'a> {
    Thinking { text: &'a str, signature: String },
    Text(&'a str),
    ToolUse { id: String, name: &'a str, input: &'a Value },
}

/// What the script has a message say. A refusal says nothing.
pub(super) fn scripted(script: &Script, number: u64) -> Vec<Block<'_>> {
    let signature = || format!("c2ltdWxhdGVk{number:08}");
    let thinking = script.reasoning.as_deref().map(|text| Block::Thinking { text, signature: signature() });
    let mut blocks: Vec<_> = thinking.into_iter().collect();
    if script.refusal.is_some() {
        return blocks;
    }
    if script.tool_calls.is_empty() {
        blocks.push(Block::Text(&script.text));
    }
    blocks.extend(script.tool_calls.iter().enumerate().map(|(at, call)| Block::ToolUse {
        id: format!("toolu_sim_{number}_{at}"),
        name: &call.name,
        input: &call.arguments,
    }));
    blocks
}

impl Block<'_> {
    /// The whole block.
    pub(super) fn whole(&self) -> Object {
        match self {
            Self::Thinking { text, signature } => self.typed().with("thinking", text).with("signature", signature),
            Self::Text(text) => self.typed().with("text", text),
            Self::ToolUse { id, name, input } => self.typed().with("id", id).with("name", name).with("input", input),
        }
    }

    /// The block as a stream begins it.
    pub(super) fn begun(&self) -> Object {
        match self {
            Self::Thinking { .. } => self.typed().with("thinking", "").with("signature", ""),
            Self::Text(_) => self.typed().with("text", ""),
            Self::ToolUse { id, name, .. } => self.typed().with("id", id).with("name", name).with("input", json!({})),
        }
    }

    fn typed(&self) -> Object {
        Object::new().with(
            "type",
            match self {
                Self::Thinking { .. } => "thinking",
                Self::Text(_) => "text",
                Self::ToolUse { .. } => "tool_use",
            },
        )
    }

    /// The deltas of the block; the signature of a thought is one.
    pub(super) fn deltas(&self, script: &Script) -> Vec<Object> {
        match self {
            Self::Thinking { text, signature } => {
                let words = pieces(text, None).into_iter().map(|text| delta("thinking_delta", "thinking", &text));
                words.chain([delta("signature_delta", "signature", signature)]).collect()
            }
            Self::Text(text) => {
                pieces(text, script.chunks).iter().map(|text| delta("text_delta", "text", text)).collect()
            }
            Self::ToolUse { input, .. } => {
                let pieces = [String::new()].into_iter().chain(pieces(&input.to_string(), script.chunks));
                pieces.map(|part| delta("input_json_delta", "partial_json", &part)).collect()
            }
        }
    }
}

fn delta(kind: &str, name: &str, text: &str) -> Object {
    Object::new().with("type", kind).with(name, text)
}
