//! A conversation in Anthropic's words: instructions apart, and turns that alternate.

use serde::Serialize;

use super::super::super::language::Language;
use super::super::super::loss::Loss;
use super::super::super::request::{self, Message};
use super::super::arguments::arguments;
use super::super::ids;
use super::block::{Block, blocks};
use super::model::Generation;

/// A conversation, its instructions taken out.
pub(super) struct Conversation<'r> {
    pub(super) system: Vec<Block<'r>>,
    pub(super) messages: Vec<Turn<'r>>,
}

#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

pub(super) fn conversation<'r>(
    messages: &'r [Message<'_>],
    generation: Generation,
    loss: &mut Loss,
) -> Conversation<'r> {
    let mut all = Conversation { system: Vec::new(), messages: Vec::new() };
    for (index, message) in messages.iter().enumerate() {
        match &message.turn {
            request::Turn::System(parts) => {
                let blocks = blocks(index, parts, loss);
                all.instruct(index, blocks, generation, loss);
            }
            request::Turn::User(parts) => all.say("user", blocks(index, parts, loss)),
            request::Turn::Assistant { blocks, .. } => all.say("assistant", assistant(index, blocks, loss)),
            request::Turn::Tool { call, parts } => {
                let content = blocks(index, parts, loss);
                all.say("user", vec![Block::ToolResult { tool_use_id: ids::for_anthropic(call), content }]);
            }
            request::Turn::Function => {}
        }
    }
    all
}

impl<'r> Conversation<'r> {
    /// Adds to a turn, or begins the other's. Results of parallel calls, and words after them, are one turn.
    fn say(&mut self, role: &'static str, content: Vec<Block<'r>>) {
        if content.is_empty() {
            return;
        }
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.content.extend(content),
            _ => self.messages.push(Turn { role, content }),
        }
    }

    fn instruct(&mut self, index: usize, blocks: Vec<Block<'r>>, generation: Generation, loss: &mut Loss) {
        if self.messages.is_empty() {
            return self.system.extend(blocks);
        }
        if generation.takes_late_instructions() {
            return self.say("system", blocks);
        }
        let why = "this model of Anthropic's takes instructions at the beginning alone, and would get these there";
        loss.cannot(format_args!("messages[{index}]"), why);
        self.system.extend(blocks);
    }
}

fn assistant<'r>(index: usize, given: &'r [request::Block<'_>], loss: &mut Loss) -> Vec<Block<'r>> {
    given.iter().filter_map(|block| said(index, block, loss)).collect()
}

fn said<'r>(index: usize, block: &'r request::Block<'_>, loss: &mut Loss) -> Option<Block<'r>> {
    match block {
        request::Block::Text { text, .. } if text.is_empty() => None,
        request::Block::Text { text, cache_control, .. } => {
            Some(Block::Text { text, cache_control: cache_control.as_ref() })
        }
        request::Block::Reasoning { redacted: Some(data), family: Some(Language::Anthropic), .. } => {
            Some(Block::RedactedThinking { data })
        }
        request::Block::Reasoning { text, signature: Some(signature), family: Some(Language::Anthropic), .. } => {
            Some(Block::Thinking { thinking: text, signature })
        }
        // Anthropic refuses thoughts that it has not signed, and another's are of use to that other alone.
        request::Block::Reasoning { .. } | request::Block::Native { family: Language::OpenAi, .. } => None,
        request::Block::Native { family: Language::Anthropic, block } => Some(Block::Native(block)),
        request::Block::Native { family, .. } => {
            let why = format!("holds a block that only {} understands", family.name());
            loss.cannot(format_args!("messages[{index}].content_blocks"), why);
            None
        }
        request::Block::Call(call) => {
            let input = arguments(call, loss);
            Some(Block::ToolUse { id: ids::for_anthropic(&call.id), name: &call.name, input })
        }
    }
}
