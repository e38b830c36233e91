//! A request as its caller wrote it, read whole and checked.

mod block;
mod fields;
mod file;
mod format;
mod message;
mod options;
mod part;
mod reasoning;
mod source;
mod tools;

pub(super) use self::block::{Block, ToolCall};
pub(super) use self::file::{File, FileSource};
pub(super) use self::format::{Format, described};
pub(super) use self::message::{Message, Turn};
pub(super) use self::options::Options;
pub(super) use self::part::{Part, PartKind};
pub(super) use self::reasoning::{Effort, Reasoning};
pub(super) use self::source::Source;
pub(super) use self::tools::{Tool, ToolChoice};

use std::borrow::Cow;
use std::fmt::Display;

use serde_json::value::RawValue;

use self::fields::Fields;
use super::json::{Node, RawObject};
use super::path::At;

/// Why a body is not a request for a chat: one sentence, with the path of the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

impl DecodeError {
    fn at(at: impl Display, what: impl Display) -> Self {
        Self(format!("{at}: {what}"))
    }

    fn body(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// A request in the terms of OpenAI's chat completions, which no provider has a word for beyond it.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// All fields as they came, but for those that only the gateway understands.
    pub(super) fields: RawObject<'a>,
    pub(super) model: Cow<'a, str>,
    /// The provider that the caller insists on.
    pub(super) provider: Option<Cow<'a, str>>,
    pub(super) drop_unsupported: bool,
    pub(super) stream: bool,
    pub(super) wants_usage: bool,
    /// Bytes of the conversation as it came.
    pub(super) prompt_bytes: usize,
    pub(super) messages: Vec<Message<'a>>,
    pub(super) options: Options<'a>,
}

impl<'a> Request<'a> {
    /// Reads a body.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = object(body)?;
        if let Some(name) = fields.twice() {
            return Err(DecodeError::at(At::top(name), "stands twice"));
        }
        let mut known = Fields::top(&fields);
        let model = known.text("model")?.ok_or_else(|| DecodeError::at("model", "is missing"))?;
        if model.is_empty() {
            return Err(DecodeError::at("model", "is empty"));
        }
        let provider = known.text("provider")?;
        let drop_unsupported = known.flag("drop_unsupported")?.unwrap_or(false);
        let stream = known.flag("stream")?.unwrap_or(false);
        let wants_usage = stream && wants_usage(&mut known)?;
        let raw = fields.present("messages").ok_or_else(|| DecodeError::at("messages", "is missing"))?;
        let messages = messages(raw)?;
        let options = Options::read(known)?;
        fields.remove("provider");
        fields.remove("drop_unsupported");
        let prompt_bytes = raw.get().len();
        Ok(Self { fields, model, provider, drop_unsupported, stream, wants_usage, prompt_bytes, messages, options })
    }
}

fn object(body: &[u8]) -> Result<RawObject<'_>, DecodeError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(DecodeError::body("the body is empty: send a JSON object with \"model\" and \"messages\""));
    }
    // A byte order mark is no JSON (RFC 8259, section 8.1), and serde's words for it are unhelpful.
    if body.starts_with(b"\xef\xbb\xbf") {
        return Err(DecodeError::body("the body begins with a byte order mark, which JSON does not allow"));
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| DecodeError::body(format!("the body is not UTF-8 at byte {}", error.valid_up_to())))?;
    serde_json::from_str(text).map_err(|error| {
        DecodeError::body(match error.is_data() {
            true => "the body must be a JSON object".to_owned(),
            false => format!("the body is not valid JSON: {error}"),
        })
    })
}

fn wants_usage(known: &mut Fields<'_, '_>) -> Result<bool, DecodeError> {
    let asked = known.map("stream_options", |value, at| Fields::of(value, at)?.flag("include_usage"))?;
    Ok(asked.flatten().unwrap_or(false))
}

fn messages(raw: &RawValue) -> Result<Vec<Message<'_>>, DecodeError> {
    let at = At::top("messages");
    let raw: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| DecodeError::at(at, "must be a list"))?;
    if raw.is_empty() {
        return Err(DecodeError::at(at, "is empty"));
    }
    raw.into_iter().enumerate().map(|(index, raw)| Message::read(raw, at.item(index))).collect()
}

/// Reads a value of which every part matters.
fn node<'a>(raw: &'a RawValue, at: At<'_>) -> Result<Node<'a>, DecodeError> {
    // The text was read once already: what may fail now is a number that no machine word holds.
    serde_json::from_str(raw.get()).map_err(|_| DecodeError::at(at, "has a number out of range"))
}
