//! A call that a caller asks for, whatever its family.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::Family;
use super::form::Form;
use super::json::JsonBody;
use super::operation::Operation;
use super::unified::UnifiedRequest;
use crate::spool::Piece;

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
    /// What of the caller's query goes to the upstream.
    pub query: Option<&'static str>,
    /// The provider behind the upstream that the caller chooses, where the family has such.
    pub variant: Option<String>,
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
    /// It makes so many at the most, and no field could lower that, as an image.
    Fixed(u64),
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
            Self::None | Self::Open | Self::Fixed(_) => None,
        }
    }

    /// The most that it comes to, where an answer without a cap has `open` tokens.
    #[must_use]
    pub fn most(self, open: u64) -> u64 {
        match self {
            Self::None => 0,
            Self::Open => open,
            Self::Capped(most) | Self::Fixed(most) => most,
        }
    }

    /// Whether a cap of the gateway's would be obeyed.
    #[must_use]
    pub fn can_be_capped(self) -> bool {
        matches!(self, Self::Open | Self::Capped(_))
    }
}

/// What is sent.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all calls are in JSON")]
pub enum Payload {
    /// A JSON object.
    Json(JsonBody),
    /// Something else, as it came.
    Raw(Bytes),
    /// A form, with files.
    Form(FormBody),
    /// A chat in the gateway's own words.
    Unified(Box<UnifiedRequest>),
}

/// A form, with what its operation says of it.
#[derive(Debug)]
pub struct FormBody {
    /// The form.
    pub form: Form,
    /// The fields that the model reads, as a JSON object.
    pub prompt: Bytes,
    /// Tokens that the files come to at the most.
    pub file_tokens: u64,
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
        Self {
            operation,
            model,
            stream,
            prompt_bytes,
            bound,
            cap: None,
            query: None,
            variant: None,
            payload: Payload::Json(body),
        }
    }

    /// Takes what stands behind a colon in the model's name for the choice of a provider, as Hugging Face's callers write it,
    /// if the name is known without it and not with it.
    pub fn resolve(&mut self, is_known: impl Fn(&str) -> bool) {
        if self.operation.family() != Family::HuggingFace || is_known(&self.model) {
            return;
        }
        let split = self.model.rsplit_once(':').filter(|(name, _)| is_known(name));
        if let Some((name, variant)) = split.map(|(name, variant)| (name.to_owned(), variant.to_owned())) {
            (self.model, self.variant) = (name, Some(variant));
        }
    }

    /// A call in a form whose files come to so many tokens at the most. These of its fields are what the model reads besides.
    ///
    /// # Errors
    /// When the form names no model, or has a field twice.
    pub fn form(
        operation: &'static dyn Operation,
        asked: &Asked<'_>,
        form: Form,
        read: &[&str],
        file_tokens: u64,
    ) -> Result<Self, DecodeError> {
        let model = asked.model.map_or_else(|| form.model(), Ok)?.to_owned();
        let mut prompt = serde_json::Map::new();
        for name in read {
            if let Some(text) = form.text(name)? {
                prompt.insert((*name).to_owned(), text.into());
            }
        }
        let prompt = Bytes::from(serde_json::Value::from(prompt).to_string());
        let input = (prompt.len() as u64).saturating_add(file_tokens);
        let bound = Bound { input, output: Output::None, choices: 1, units: 0 };
        let stream = form.flag("stream")?;
        let (prompt_bytes, query) = (prompt.len(), None);
        let payload = Payload::Form(FormBody { form, prompt, file_tokens });
        Ok(Self { operation, model, stream, prompt_bytes, bound, cap: None, query, variant: None, payload })
    }

    /// A call that consumes nothing, such as counting tokens.
    #[must_use]
    pub fn for_nothing(self) -> Self {
        let bound = Bound { input: 0, output: Output::None, choices: 1, units: 0 };
        Self { bound, prompt_bytes: 0, stream: false, ..self }
    }

    /// The provider that the caller insists on, by its name in the organisation.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        match &self.payload {
            Payload::Unified(request) => request.provider(),
            Payload::Json(_) | Payload::Raw(_) | Payload::Form(_) => None,
        }
    }

    /// Bytes of the body as it came.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        match &self.payload {
            Payload::Json(body) => body.bytes().len() as u64,
            Payload::Raw(body) => body.len() as u64,
            Payload::Form(body) => body.form.len(),
            Payload::Unified(request) => request.body().len() as u64,
        }
    }

    /// By what the same call is known when it comes again.
    #[must_use]
    pub fn identity(&self) -> &Bytes {
        match &self.payload {
            Payload::Json(body) => body.bytes(),
            Payload::Raw(body) => body,
            Payload::Form(body) => body.form.digest(),
            Payload::Unified(request) => request.body(),
        }
    }

    /// The text that makes up the request, in which its tokens are counted.
    #[must_use]
    pub fn text(&self) -> &Bytes {
        match &self.payload {
            Payload::Json(body) => body.bytes(),
            Payload::Raw(body) => body,
            Payload::Form(body) => &body.prompt,
            Payload::Unified(request) => request.body(),
        }
    }

    /// Tokens of files at the most, which cannot be counted in the text.
    #[must_use]
    pub fn file_tokens(&self) -> u64 {
        match &self.payload {
            Payload::Json(_) | Payload::Raw(_) | Payload::Unified(_) => 0,
            Payload::Form(body) => body.file_tokens,
        }
    }

    /// The body, of a call in JSON.
    ///
    /// # Errors
    /// When the call is none.
    pub fn json_body(&self) -> Result<&JsonBody, DecodeError> {
        match &self.payload {
            Payload::Json(body) => Ok(body),
            Payload::Raw(_) | Payload::Form(_) | Payload::Unified(_) => {
                Err(DecodeError::new("the body must be a JSON object"))
            }
        }
    }

    /// The form, of a call in one.
    ///
    /// # Errors
    /// When the call is none.
    pub fn form_body(&self) -> Result<&Form, DecodeError> {
        match &self.payload {
            Payload::Form(body) => Ok(&body.form),
            Payload::Json(_) | Payload::Raw(_) | Payload::Unified(_) => {
                Err(DecodeError::new("the body must be a form"))
            }
        }
    }
}

/// What goes to an upstream.
#[derive(Debug)]
pub struct Outgoing {
    /// The body, in pieces.
    pub body: VecDeque<Piece>,
    /// What the body is; what the caller said, where absent.
    pub content_type: Option<HeaderValue>,
    /// Headers that the upstream cannot do without, for callers who sent none of that name.
    pub defaults: Vec<(HeaderName, HeaderValue)>,
    /// Where it goes, if that follows from the call and not from its operation alone.
    pub uri: Option<Uri>,
    /// Fields that the upstream's family cannot express and that were left out on the caller's word.
    pub dropped: Vec<String>,
}

impl Outgoing {
    /// A body of the caller's own type.
    #[must_use]
    pub fn as_sent(body: impl IntoIterator<Item = impl Into<Piece>>) -> Self {
        let body = body.into_iter().map(Into::into).collect();
        Self { body, content_type: None, defaults: Vec::new(), uri: None, dropped: Vec::new() }
    }
}
