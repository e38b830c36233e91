//! What an assistant said: its words, its thoughts, its calls of tools, in their order.

use std::borrow::Cow;

use super::super::json::Node;
use super::super::language::Language;
use super::super::path::At;
use super::DecodeError;
use super::fields::Fields;

/// A piece of an assistant's turn, as `content_blocks` of an answer give it and take it back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Block<'a> {
    Text {
        text: Cow<'a, str>,
        /// What its provider must get back with it.
        signature: Option<Cow<'a, str>>,
        family: Option<Language>,
        cache_control: Option<Node<'a>>,
    },
    Reasoning {
        text: Cow<'a, str>,
        signature: Option<Cow<'a, str>>,
        /// Reasoning that its provider has encrypted.
        redacted: Option<Cow<'a, str>>,
        family: Option<Language>,
    },
    Call(ToolCall<'a>),
    /// What only its own family has.
    Native {
        family: Language,
        block: Node<'a>,
    },
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ToolCall<'a> {
    /// Its place in `tool_calls`, or in `content_blocks`.
    pub(crate) place: String,
    pub(crate) id: Cow<'a, str>,
    pub(crate) name: Cow<'a, str>,
    /// JSON in a text, as the model wrote it.
    pub(crate) arguments: Cow<'a, str>,
    /// Gemini's thought signature.
    pub(crate) signature: Option<Cow<'a, str>>,
}

impl<'a> Block<'a> {
    /// Words without anything to them.
    pub(super) fn plain(text: Cow<'a, str>, cache_control: Option<Node<'a>>) -> Self {
        Self::Text { text, signature: None, family: None, cache_control }
    }

    pub(super) fn read(value: Node<'a>, at: At<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::of(value, at)?;
        let family = family(&mut fields)?;
        let kind = fields.must_text("type")?;
        match kind.as_ref() {
            "text" => {
                let text = fields.must_text("text")?;
                Ok(Self::Text { text, signature: fields.text("signature")?, family, cache_control: None })
            }
            "refusal" => Ok(Self::plain(fields.must_text("refusal")?, None)),
            "reasoning" => {
                let (text, redacted) = (fields.text("text")?, fields.text("redacted")?);
                if text.is_none() && redacted.is_none() {
                    return Err(DecodeError::at(at, "needs text or redacted"));
                }
                let signature = fields.text("signature")?;
                Ok(Self::Reasoning { text: text.unwrap_or_default(), signature, redacted, family })
            }
            "tool_call" => Ok(Self::Call(ToolCall {
                place: at.to_string(),
                id: fields.must_text("id")?,
                name: fields.must_text("name")?,
                arguments: fields.text("arguments")?.unwrap_or_default(),
                signature: fields.text("signature")?,
            })),
            "native" => {
                let family = family.ok_or_else(|| fields.wrong("family", "is missing"))?;
                let block = fields.take("block")?.ok_or_else(|| fields.wrong("block", "is missing"))?;
                Ok(Self::Native { family, block })
            }
            _ => Err(fields.wrong("type", "must be text, refusal, reasoning, tool_call or native")),
        }
    }
}

fn family(fields: &mut Fields<'_, '_>) -> Result<Option<Language>, DecodeError> {
    fields.map("family", |value, at| {
        let name = super::fields::text(value, at)?;
        Language::named(&name).ok_or_else(|| DecodeError::at(at, "must be openai, mistral, anthropic or gemini"))
    })
}

impl<'a> ToolCall<'a> {
    /// Reads an entry of OpenAI's `tool_calls`; `None` for a kind of tool that other families do not have.
    pub(super) fn read(value: Node<'a>, at: At<'_>) -> Result<Option<Self>, DecodeError> {
        let mut fields = Fields::of(value, at)?;
        if fields.text("type")?.is_some_and(|kind| kind != "function") {
            return Ok(None);
        }
        let id = fields.must_text("id")?;
        let signature = fields.map("extra_content", thought_signature)?.flatten();
        let function = fields.map("function", |value, at| {
            let mut function = Fields::of(value, at)?;
            Ok((function.must_text("name")?, function.text("arguments")?.unwrap_or_default()))
        })?;
        let (name, arguments) = function.ok_or_else(|| fields.wrong("function", "is missing"))?;
        Ok(Some(Self { place: at.to_string(), id, name, arguments, signature }))
    }
}

/// Where Google's OpenAI-compatible API puts the signature of a call: `extra_content.google.thought_signature`.
fn thought_signature<'a>(value: Node<'a>, at: At<'_>) -> Result<Option<Cow<'a, str>>, DecodeError> {
    let mut fields = Fields::of(value, at)?;
    let google = fields.map("google", |value, at| Fields::of(value, at)?.text("thought_signature"))?;
    Ok(google.flatten())
}
