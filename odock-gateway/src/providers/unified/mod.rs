//! The provider-neutral chat: OpenAI's fields in, any family behind, one object or OpenAI's events out.
//!
//! Pure: bytes in, bytes out. A request is read whole and checked once ([`UnifiedRequest::decode`]), then written in the words
//! of each family that it may go to ([`UnifiedRequest::encode`]). What a family cannot express is named, never left out
//! unless the caller says so. Hints that change no answer (`cache_control`, the name of a schema) pass where they are
//! understood.

mod answer;
mod encode;
mod json;
mod language;
mod loss;
mod operation;
mod path;
mod request;
mod said;
mod stop;
mod stream;
#[cfg(test)]
mod tests;
mod usage;

use bytes::Bytes;
use entity::vocab::ProviderType;

pub use self::answer::{Answer, AnswerError, decode_answer};
use self::encode::Target;
pub use self::loss::{Encoded, Unsupported};
pub use self::operation::CHAT;
pub use self::request::DecodeError;
use self::request::Request;
pub use self::stop::StopReason;
pub use self::stream::{Opening, Translator};

/// A request as its caller sent it, found to be one, with what the gateway must know of it.
#[derive(Debug)]
pub struct UnifiedRequest {
    body: Bytes,
    model: String,
    provider: Option<String>,
    stream: bool,
    wants_usage: bool,
    prompt_bytes: usize,
    output_cap: Option<u64>,
    choices: u64,
}

impl UnifiedRequest {
    /// Reads a request body.
    ///
    /// # Errors
    /// Says in one sentence what is wrong, with the path of the field.
    pub fn decode(body: Bytes) -> Result<Self, DecodeError> {
        let request = Request::parse(&body)?;
        let (model, provider) = (request.model.to_string(), request.provider.as_deref().map(str::to_owned));
        let Request { stream, wants_usage, prompt_bytes, .. } = request;
        let (output_cap, choices) = (request.options.output_cap, request.options.choices);
        Ok(Self { model, provider, stream, wants_usage, prompt_bytes, output_cap, choices, body })
    }

    /// The model that the caller asked for.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The provider that the caller insists on, by its name in the organisation.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// Whether the caller wants a stream.
    #[must_use]
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// Whether the caller asked for the usage event at the end of the stream.
    #[must_use]
    pub fn wants_usage(&self) -> bool {
        self.wants_usage
    }

    /// Bytes of the conversation, from which prompt tokens are estimated where the upstream reports none.
    #[must_use]
    pub fn prompt_bytes(&self) -> usize {
        self.prompt_bytes
    }

    /// The cap on each answer that the caller asks for, in tokens.
    #[must_use]
    pub fn output_cap(&self) -> Option<u64> {
        self.output_cap
    }

    /// How many answers the caller asks for.
    #[must_use]
    pub fn choices(&self) -> u64 {
        self.choices
    }

    /// The body as it came.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body for an upstream: `slug` is its name of the model, `most_output` the most tokens that the model can answer
    /// with, where that is known, and `cap` what policy puts in place of the caller's cap.
    ///
    /// # Errors
    /// Names everything that the upstream's family cannot express, unless the caller wants that left out.
    pub fn encode(
        &self,
        to: ProviderType,
        slug: &str,
        most_output: Option<u64>,
        cap: Option<u64>,
    ) -> Result<Encoded, Unsupported> {
        // Read again instead of kept: what was read borrows from the body, and a large prompt is not held twice.
        let request = Request::parse(&self.body).map_err(|error| Unsupported { fields: vec![error.to_string()] })?;
        encode::encode(&request, Target { provider: to, slug, most_output, cap })
    }
}
