//! Messages of Anthropic's.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::language::Language;
use super::super::said::{Called, Said};
use super::super::stop::StopReason;
use super::{Answer, AnswerError, Choice};
use crate::providers::anthropic::usage::normalise;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow)]
    content: Vec<&'a RawValue>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Block<'a> {
    r#type: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, borrow)]
    input: Option<&'a RawValue>,
}

pub(super) fn decode(body: &[u8]) -> Result<Answer, AnswerError> {
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|error| AnswerError::new(format!("not a message: {error}")))?;
    let blocks = body.content.into_iter().filter_map(block).collect();
    let stop = body.stop_reason.as_deref().map_or(StopReason::Unknown, StopReason::of_anthropic);
    let reported = body.usage.and_then(|usage| normalise(usage.get()));
    let choice = Choice { blocks, stop, stop_sequence: body.stop_sequence, logprobs: None };
    Ok(Answer::new(body.id, vec![choice], reported))
}

fn block(raw: &RawValue) -> Option<Said> {
    let family = Language::Anthropic.name();
    let native = || serde_json::from_str(raw.get()).ok().map(|block| Said::Native { family, block });
    let Ok(block) = serde_json::from_str::<Block<'_>>(raw.get()) else { return native() };
    let kind = block.r#type.clone();
    match (kind.as_str(), block) {
        ("text", Block { text: Some(text), .. }) => Some(Said::plain(text)),
        ("thinking", Block { thinking, signature, .. }) => {
            Some(Said::Reasoning { family, text: thinking, signature, redacted: None })
        }
        ("redacted_thinking", Block { data, .. }) => {
            Some(Said::Reasoning { family, text: None, signature: None, redacted: data })
        }
        ("tool_use", Block { id: Some(id), name: Some(name), input, .. }) => {
            let arguments = input.map_or("{}", RawValue::get).to_owned();
            Some(Said::ToolCall(Called { id, name, arguments, signature: None }))
        }
        _ => native(),
    }
}
