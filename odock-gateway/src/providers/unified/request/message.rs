//! Messages of a conversation.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::json::Node;
use super::super::path::At;
use super::block::{Block, ToolCall};
use super::fields::{Fields, list};
use super::part::{Part, PartKind};
use super::{DecodeError, node};

/// A message, as it came and as it was understood.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) raw: &'a RawValue,
    pub(crate) turn: Turn<'a>,
    /// Fields that are not known here, as paths.
    pub(crate) others: Vec<String>,
}

/// What a message is in a conversation.
#[derive(Debug)]
pub(crate) enum Turn<'a> {
    /// Instructions, of the role `system` or `developer`.
    System(Vec<Part<'a>>),
    User(Vec<Part<'a>>),
    Assistant {
        blocks: Vec<Block<'a>>,
        from_blocks: bool,
    },
    /// What a tool gave back.
    Tool {
        call: Cow<'a, str>,
        parts: Vec<Part<'a>>,
    },
    /// A result in OpenAI's words of 2023, which no other family has.
    Function,
}

impl<'a> Message<'a> {
    pub(super) fn read(raw: &'a RawValue, at: At<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::of(node(raw, at)?, at)?;
        let role = fields.must_text("role")?;
        let mut others = Vec::new();
        let turn = match role.as_ref() {
            "system" | "developer" => Turn::System(content(&mut fields)?),
            "user" => Turn::User(content(&mut fields)?),
            "assistant" => assistant(&mut fields, &mut others)?,
            "tool" => Turn::Tool { call: fields.must_text("tool_call_id")?, parts: content(&mut fields)? },
            "function" => return Ok(Self { raw, turn: Turn::Function, others }),
            _ => return Err(fields.wrong("role", "must be system, developer, user, assistant or tool")),
        };
        others.extend(fields.names().map(|name| at.field(name).to_string()));
        Ok(Self { raw, turn, others })
    }
}

fn content<'a>(fields: &mut Fields<'a, '_>) -> Result<Vec<Part<'a>>, DecodeError> {
    fields.map("content", Part::content)?.ok_or_else(|| fields.wrong("content", "is missing"))
}

/// An assistant's turn. `content_blocks`, where they are given, are the turn; what stands beside them may only say the same
/// again, as the answer that they come from does.
fn assistant<'a>(fields: &mut Fields<'a, '_>, others: &mut Vec<String>) -> Result<Turn<'a>, DecodeError> {
    let given = fields.map("content_blocks", |value, at| list(value, at, Block::read))?;
    let from_blocks = given.is_some();
    let mut blocks = given.unwrap_or_default();
    let (words, calls) = (words(fields, others)?, calls(fields, others)?);
    // Reasoning in plain text, which some servers give beside the content. None of the others could use it.
    fields.take("reasoning_content")?;
    let said = text_of(&blocks);
    if said.is_empty() {
        // Thoughts come before words, and words before calls, and before a signature that ends them.
        let follows = |block: &Block<'_>| matches!(block, Block::Call(_) | Block::Text { .. });
        let place = blocks.iter().position(follows).unwrap_or(blocks.len());
        blocks.splice(place..place, words);
    } else if !words.is_empty() && said != text_of(&words) {
        return Err(fields.wrong("content", "says something else than the content_blocks beside it"));
    }
    let mut called = blocks.iter().filter_map(call_id).peekable();
    if called.peek().is_none() {
        drop(called);
        blocks.extend(calls.into_iter().map(Block::Call));
    } else if !calls.is_empty() && !called.eq(calls.iter().map(|call| call.id.as_ref())) {
        return Err(fields.wrong("tool_calls", "has other calls than the content_blocks beside it"));
    }
    Ok(Turn::Assistant { blocks, from_blocks })
}

fn call_id<'b>(block: &'b Block<'_>) -> Option<&'b str> {
    match block {
        Block::Call(call) => Some(&call.id),
        _ => None,
    }
}

fn text_of(blocks: &[Block<'_>]) -> String {
    let text = |block: &Block<'_>| match block {
        Block::Text { text, .. } => Some(text.to_string()),
        _ => None,
    };
    blocks.iter().filter_map(text).collect()
}

/// The words in `content` and `refusal`.
fn words<'a>(fields: &mut Fields<'a, '_>, others: &mut Vec<String>) -> Result<Vec<Block<'a>>, DecodeError> {
    let parts = fields.map("content", |value, at| {
        let parts = Part::content(value, at)?;
        others.extend(parts.iter().filter_map(|part| unspoken(part, at)));
        Ok(parts)
    })?;
    let mut words: Vec<Block<'a>> = parts
        .into_iter()
        .flatten()
        .filter_map(|part| match part.kind {
            PartKind::Text(text) => Some(Block::plain(text, part.cache_control)),
            _ => None,
        })
        .collect();
    words.extend(fields.text("refusal")?.map(|text| Block::plain(text, None)));
    Ok(words)
}

/// The path of a part that an assistant cannot have said, outside of OpenAI's own family.
fn unspoken(part: &Part<'_>, at: At<'_>) -> Option<String> {
    match (&part.kind, part.index) {
        (PartKind::Text(_), _) | (_, None) => None,
        (_, Some(index)) => Some(at.item(index).to_string()),
    }
}

fn calls<'a>(fields: &mut Fields<'a, '_>, others: &mut Vec<String>) -> Result<Vec<ToolCall<'a>>, DecodeError> {
    let calls = fields.map("tool_calls", |value, at| {
        list(value, at, |value: Node<'a>, at| {
            let call = ToolCall::read(value, at)?;
            if call.is_none() {
                others.push(at.to_string());
            }
            Ok(call)
        })
    })?;
    Ok(calls.unwrap_or_default().into_iter().flatten().collect())
}
