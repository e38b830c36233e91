//! A call that a caller asks for, whatever its family.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::json::JsonBody;
use super::operation::Operation;

/// Why a request is not what its route takes: one sentence for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(std::borrow::Cow<'static, str>);

impl DecodeError {
    /// An error with its sentence.
    pub fn new(message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self(message.into())
    }
}

/// What a caller sent, apart from who they are.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The model that the path names, if it does.
    pub model: Option<&'a str>,
    /// The query, without its question mark.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// A call, understood as far as the gateway must.
#[derive(Debug)]
pub struct Call {
    /// What kind of call it is.
    pub operation: &'static dyn Operation,
    /// The model that was asked for, in the caller's words.
    pub model: String,
    /// Whether the caller wants a stream.
    pub stream: bool,
    /// Bytes of the prompt, from which its tokens are estimated where the upstream reports none.
    pub prompt_bytes: usize,
    /// What the call may consume.
    pub bound: Bound,
    /// The cap that policy puts on each answer, in tokens.
    pub cap: Option<u64>,
    /// What is sent.
    pub payload: Payload,
}

/// What a call may consume at the most, as far as it says so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Tokens in. No text has more tokens than bytes.
    pub input: u64,
    /// Tokens of each answer.
    pub output: Output,
    /// How many answers are asked for.
    pub choices: u64,
    /// Pages, images, seconds: what is not counted in tokens.
    pub units: u64,
}

/// Whether and how far a call makes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// It makes none, as an embedding.
    None,
    /// It makes as many as the model may.
    Open,
    /// It makes so many at the most.
    Capped(u64),
}

impl Output {
    /// An answer with the cap that its caller asks for, if any.
    #[must_use]
    pub fn asked(cap: Option<u64>) -> Self {
        cap.map_or(Self::Open, Self::Capped)
    }

    /// The cap that the caller asks for.
    #[must_use]
    pub fn cap(self) -> Option<u64> {
        match self {
            Self::Capped(cap) => Some(cap),
            Self::None | Self::Open => None,
        }
    }
}

/// What is sent.
#[derive(Debug)]
pub enum Payload {
    /// A JSON object.
    Json(JsonBody),
}

impl Call {
    /// A call in JSON that makes tokens.
    #[must_use]
    pub fn json(operation: &'static dyn Operation, model: String, body: JsonBody) -> Self {
        let bound = Bound {
            input: body.bytes().len() as u64,
            output: Output::asked(body.output_cap),
            choices: body.choices,
            units: 0,
        };
        let (stream, prompt_bytes) = (body.stream, body.prompt_bytes);
        Self { operation, model, stream, prompt_bytes, bound, cap: None, payload: Payload::Json(body) }
    }

    /// Bytes of the body as it came.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        self.text().len() as u64
    }

    /// The text that makes up the request, in which its tokens are counted.
    #[must_use]
    pub fn text(&self) -> &Bytes {
        match &self.payload {
            Payload::Json(body) => body.bytes(),
        }
    }
}

/// What goes to an upstream.
#[derive(Debug)]
pub struct Outgoing {
    /// The body, in pieces.
    pub body: VecDeque<Bytes>,
    /// What the body is; what the caller said, where absent.
    pub content_type: Option<HeaderValue>,
}

impl Outgoing {
    /// A body of the caller's own type.
    #[must_use]
    pub fn as_sent(body: VecDeque<Bytes>) -> Self {
        Self { body, content_type: None }
    }
}
