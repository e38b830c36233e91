//! Whole answers of every family, in one shape.

mod anthropic;
pub(super) mod gemini;
pub(super) mod openai;

use bytes::Bytes;
use entity::vocab::ProviderType;
use serde::Serialize;
use serde_json::Value;

use super::json::bytes;
use super::language::Language;
use super::said::Said;
use super::stop::StopReason;
use super::usage::in_openais_words;
use crate::providers::usage::Reported;

/// Why an upstream's answer is none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AnswerError(String);

impl AnswerError {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// An answer of any family.
#[derive(Debug)]
pub struct Answer {
    id: Option<String>,
    choices: Vec<Choice>,
    /// What the provider reported, if it did.
    pub reported: Option<Reported>,
    /// Bytes of content, from which tokens are estimated where none are reported.
    pub content_bytes: usize,
}

/// One of the answers that were asked for.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) blocks: Vec<Said>,
    pub(super) stop: StopReason,
    /// The stop sequence that was met, where the family tells.
    pub(super) stop_sequence: Option<String>,
    /// Log probabilities in OpenAI's shape.
    pub(super) logprobs: Option<Value>,
}

/// Reads a whole answer of status 200.
///
/// # Errors
/// When it is no answer of that family.
pub fn decode_answer(from: ProviderType, body: &[u8]) -> Result<Answer, AnswerError> {
    let language = Language::of(from);
    let answer = match language {
        Language::OpenAi | Language::Mistral => openai::decode(body, language),
        Language::Anthropic => anthropic::decode(body),
        Language::Gemini => gemini::decode(body),
    }?;
    let content_bytes = answer.choices.iter().flat_map(|choice| &choice.blocks).map(Said::content_bytes).sum();
    Ok(Answer { content_bytes, ..answer })
}

impl Answer {
    pub(super) fn new(id: Option<String>, choices: Vec<Choice>, reported: Option<Reported>) -> Self {
        Self { id, choices, reported, content_bytes: 0 }
    }

    /// The normalised object, with the names that the organisation has given provider and model.
    ///
    /// `content` is the text alone, or null; `tool_calls` are in OpenAI's shape; `content_blocks` have everything in its order.
    /// Token counts are null where the provider reported none. `choices` is there if there are several, the first being
    /// the one at the top; `stop_sequence` and `logprobs` if the provider told them.
    #[must_use]
    pub fn to_json(&self, provider: &str, model: &str) -> Bytes {
        let nothing = Choice { blocks: Vec::new(), stop: StopReason::Unknown, stop_sequence: None, logprobs: None };
        let first = Shape::from(self.choices.first().unwrap_or(&nothing));
        let tokens = self.reported.as_ref().map(|reported| &reported.tokens);
        let choices = if self.choices.len() > 1 { self.choices.iter().map(Shape::from).collect() } else { Vec::new() };
        bytes(&Normalised {
            id: self.id.as_deref(),
            provider,
            model,
            first,
            input_tokens: tokens.map(|tokens| tokens.input()),
            output_tokens: tokens.map(|tokens| tokens.output()),
            usage: tokens.map(in_openais_words),
            choices,
        })
        .into()
    }
}

#[derive(Serialize)]
struct Normalised<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    provider: &'a str,
    model: &'a str,
    #[serde(flatten)]
    first: Shape<'a>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    usage: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Shape<'a>>,
}

#[derive(Serialize)]
struct Shape<'a> {
    content: Option<String>,
    stop_reason: StopReason,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_sequence: Option<&'a str>,
    content_blocks: &'a [Said],
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<&'a Value>,
}

impl<'a> From<&'a Choice> for Shape<'a> {
    fn from(choice: &'a Choice) -> Self {
        let text = |said: &Said| match said {
            Said::Text { text, .. } => Some(text.clone()),
            _ => None,
        };
        let content: String = choice.blocks.iter().filter_map(text).collect();
        Self {
            content: (!content.is_empty()).then_some(content),
            stop_reason: choice.stop,
            stop_sequence: choice.stop_sequence.as_deref(),
            content_blocks: &choice.blocks,
            tool_calls: choice.blocks.iter().filter_map(call).collect(),
            logprobs: choice.logprobs.as_ref(),
        }
    }
}

/// A call of a tool, OpenAI's custom tools included.
fn call(said: &Said) -> Option<Value> {
    match said {
        Said::ToolCall(call) => Some(call.in_openais_words()),
        Said::Native { block, .. } if block["type"] == "custom" => Some(block.clone()),
        _ => None,
    }
}
