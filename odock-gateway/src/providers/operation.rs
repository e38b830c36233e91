//! The seam between the pipeline and wire formats: one implementation a kind of call. Pure, no I/O.

use std::fmt::Debug;

use bytes::Bytes;
use entity::resource::ProviderConfig;
use entity::usage::TokenUsage;
use entity::vocab::ProviderType;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use super::call::{Asked, Call, DecodeError, Outgoing};
use super::form::Form;
use super::meter::Meter;
use super::usage::Reported;
use super::{Address, Family};

/// An error whose words go to the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An upstream, as far as a wire format must know it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its name in the organisation.
    pub name: &'a str,
    /// The model's name in the organisation. Of a call that was routed elsewhere, it is not the one that was asked for.
    pub model: &'a str,
    /// What it speaks.
    pub provider: ProviderType,
    /// Where it is.
    pub address: &'a Address,
    /// Its settings.
    pub config: &'a ProviderConfig,
    /// What it calls the model.
    pub slug: &'a str,
    /// The most tokens that the model gives in an answer, if that is known.
    pub max_output: Option<u64>,
}

/// What the callers of a kind of call send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// JSON.
    Json,
    /// JSON, or something else that its content type tells apart.
    Any,
    /// A form (`multipart/form-data`), which is not held in memory.
    Form,
}

/// A whole answer, as the caller gets it, and what it consumed.
#[derive(Debug)]
pub struct Answer {
    /// The body for the caller: the upstream's own bytes unless the route promises another shape.
    pub body: Bytes,
    /// What the provider reported, if it did.
    pub reported: Option<Reported>,
    /// Bytes of content, from which tokens are estimated where none are reported.
    pub content_bytes: usize,
}

/// One kind of call: how it is read, sent, and understood.
pub trait Operation: Debug + Send + Sync {
    /// Its name in metrics and messages, such as `chat_completions`.
    fn name(&self) -> &'static str;

    /// The family of the routes that take it.
    fn family(&self) -> Family;

    /// Reads what a caller asks.
    ///
    /// # Errors
    /// Says what is wrong with the request.
    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError>;

    /// What its callers send.
    fn takes(&self) -> Takes {
        Takes::Json
    }

    /// Reads what a caller asks in a form.
    ///
    /// # Errors
    /// Says what is wrong with the request.
    fn decode_form(&'static self, _: &Asked<'_>, _: Form) -> Result<Call, DecodeError> {
        Err(DecodeError::new("the body must be a JSON object, not a form"))
    }

    /// Whether the upstream adds to the prompt what the request does not hold: an earlier conversation, files that are kept
    /// there, results of its own tools. Asked only where a budget or quota applies.
    fn adds_input(&self, _: &Call) -> bool {
        false
    }

    /// Why its upstream would not take the call with each answer capped at so many tokens, if it would not. Asked only where
    /// a budget cuts what was asked for.
    fn objects_to_cap(&self, _: &Call, _: &Place<'_>, _: u64) -> Option<String> {
        None
    }

    /// Units that the upstream's own tools may add, such as searches. Asked only where units have a price and a budget
    /// applies.
    fn own_units(&self, _: &Call) -> u64 {
        0
    }

    /// Whether it asks no model for anything, such as counting tokens: then it goes where it was sent and nowhere else.
    fn only_counts(&self) -> bool {
        false
    }

    /// The type of its answers, where the caller gets another form than the upstream gives.
    fn answer_type(&self) -> Option<HeaderValue> {
        None
    }

    /// Where it goes at an upstream; `None` if the provider's address cannot carry it.
    fn uri(&self, place: &Place<'_>, stream: bool) -> Option<Uri>;

    /// What goes to an upstream.
    ///
    /// # Errors
    /// Names what the upstream's family cannot express. A family's own routes never fail.
    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError>;

    /// Reads a whole answer.
    ///
    /// # Errors
    /// When the answer cannot be understood.
    fn answer(&self, call: &Call, place: &Place<'_>, body: Bytes) -> Result<Answer, BoxError>;

    /// An upstream's refusal in the words that the route promises; `None` where the caller gets the upstream's own.
    fn refusal(&self, _provider: &str, _status: StatusCode, _body: &Bytes) -> Option<Bytes> {
        None
    }

    /// What a call consumed where its provider reports nothing, by its class.
    fn estimated(&self, input: u64, output: u64) -> TokenUsage {
        let total = input.saturating_add(output);
        TokenUsage { input_text: input, output_text: output, total, ..TokenUsage::default() }
    }

    /// A meter for the stream that an upstream begins with these headers; `None` if it is not a stream.
    fn meter(&self, call: &Call, place: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>>;
}

/// Whether an answer is a stream of server-sent events.
#[must_use]
pub fn is_event_stream(headers: &HeaderMap) -> bool {
    is_type(headers, b"text/event-stream")
}

/// Whether an answer has a content type that begins with `expected`, in lower case.
#[must_use]
pub fn is_type(headers: &HeaderMap, expected: &[u8]) -> bool {
    let given = headers.get(CONTENT_TYPE).map(|given| given.as_bytes());
    given.is_some_and(|given| given.get(..expected.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(expected)))
}
