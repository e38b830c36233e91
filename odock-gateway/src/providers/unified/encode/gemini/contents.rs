//! A conversation in Gemini's words.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::super::language::Language;
use super::super::super::loss::Loss;
use super::super::super::request::{Block, Message, Part as Given, PartKind, ToolCall, Turn};
use super::super::arguments::arguments;
use super::part::{FunctionCall, FunctionResponse, Part, Piece, Response, parts};

/// What Google documents for calls that its model did not make, so that no thoughts of its own belong to them
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
const FOREIGN_CALL: &str = "skip_thought_signature_validator";

#[derive(Serialize)]
pub(super) struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: Vec<Piece<'a>>,
}

/// The instructions, and the conversation.
pub(super) fn contents<'r>(
    messages: &'r [Message<'_>],
    slug: &str,
    loss: &mut Loss,
) -> (Option<Content<'r>>, Vec<Content<'r>>) {
    let mut all = Contents { said: Vec::new(), names: HashMap::new(), signs_calls: signs_calls(slug) };
    let mut instructions = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        match &message.turn {
            Turn::System(given) => {
                if !all.said.is_empty() {
                    let why = "Gemini takes instructions at the beginning alone, and would get these there";
                    loss.cannot(format_args!("messages[{index}]"), why);
                }
                instructions.extend(parts(index, given, loss));
            }
            Turn::User(given) => all.say("user", parts(index, given, loss)),
            Turn::Assistant { blocks, .. } => all.answer(index, blocks, loss),
            Turn::Tool { call, parts } => all.result(index, call, parts, loss),
            Turn::Function => {}
        }
    }
    let instructions = (!instructions.is_empty()).then_some(Content { role: None, parts: instructions });
    (instructions, all.said)
}

/// Models since Gemini 3 refuse a call of a tool without the signature of the thoughts that led to it.
fn signs_calls(slug: &str) -> bool {
    let slug = slug.to_ascii_lowercase();
    slug.contains("gemini") && !slug.contains("gemini-1") && !slug.contains("gemini-2")
}

struct Contents<'r> {
    said: Vec<Content<'r>>,
    /// The tools' names by the ids of their calls.
    names: HashMap<&'r str, &'r str>,
    signs_calls: bool,
}

impl<'r> Contents<'r> {
    /// Adds to a turn, or begins the other's.
    fn say(&mut self, role: &'static str, parts: Vec<Piece<'r>>) {
        if parts.is_empty() {
            return;
        }
        match self.said.last_mut() {
            Some(last) if last.role == Some(role) => last.parts.extend(parts),
            _ => self.said.push(Content { role: Some(role), parts }),
        }
    }

    fn answer(&mut self, index: usize, blocks: &'r [Block<'_>], loss: &mut Loss) {
        let mut pieces = Vec::with_capacity(blocks.len());
        // Of parallel calls the first alone bears the signature.
        let mut is_first_call = true;
        for block in blocks {
            match block {
                Block::Text { text, signature: None, .. } if text.is_empty() => {}
                Block::Text { text, signature, family, .. } => {
                    let signature = signature.as_deref().filter(|_| *family == Some(Language::Gemini));
                    pieces.push(Piece::from(Part { thought_signature: signature, ..Part::text(text) }));
                }
                Block::Reasoning { text, signature, family: Some(Language::Gemini), .. } => {
                    let thought_signature = signature.as_deref();
                    pieces.push(Piece::from(Part { thought: true, thought_signature, ..Part::text(text) }));
                }
                // What another family has signed is of use to that family alone.
                Block::Reasoning { .. } | Block::Native { family: Language::OpenAi, .. } => {}
                Block::Native { family: Language::Gemini, block } => pieces.push(Piece::Native(block)),
                Block::Native { family, .. } => {
                    let why = format!("holds a block that only {} understands", family.name());
                    loss.cannot(format_args!("messages[{index}].content_blocks"), why);
                }
                Block::Call(call) => {
                    pieces.push(Piece::from(self.call(call, is_first_call, loss)));
                    is_first_call = false;
                }
            }
        }
        self.say("model", pieces);
    }

    fn call(&mut self, call: &'r ToolCall<'_>, is_first: bool, loss: &mut Loss) -> Part<'r> {
        self.names.insert(&call.id, &call.name);
        let stands_in = is_first && self.signs_calls;
        Part {
            function_call: Some(FunctionCall { id: &call.id, name: &call.name, args: arguments(call, loss) }),
            thought_signature: call.signature.as_deref().or(stands_in.then_some(FOREIGN_CALL)),
            ..Part::default()
        }
    }

    fn result(&mut self, index: usize, id: &'r str, given: &'r [Given<'_>], loss: &mut Loss) {
        let Some(name) = self.names.get(id).copied() else {
            let why = "no call of a tool before this message has this id";
            return loss.cannot(format_args!("messages[{index}].tool_call_id"), why);
        };
        let (words, others): (Vec<_>, Vec<_>) = given.iter().partition(|part| matches!(part.kind, PartKind::Text(_)));
        let words = words.into_iter().filter_map(|part| match &part.kind {
            PartKind::Text(text) => Some(text.as_ref()),
            _ => None,
        });
        let others = others.into_iter().flat_map(|part| parts(index, std::slice::from_ref(part), loss)).collect();
        let function_response = Some(FunctionResponse { id, name, response: response(words.collect()), parts: others });
        self.say("user", vec![Piece::from(Part { function_response, ..Part::default() })]);
    }
}

fn response(words: Vec<&str>) -> Response<'_> {
    if let [word] = words.as_slice()
        && let Some(object) =
            serde_json::from_str::<&RawValue>(word.trim()).ok().filter(|raw| raw.get().starts_with('{'))
    {
        return Response::Object(Cow::Borrowed(object));
    }
    Response::Text {
        output: match words.as_slice() {
            [word] => Cow::Borrowed(*word),
            _ => words.concat().into(),
        },
    }
}
