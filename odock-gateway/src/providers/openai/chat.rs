//! Chat completions: `POST …/chat/completions` (OpenAI API reference, "Chat").

use bytes::Bytes;
use entity::vocab::ProviderType;
use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::stream::ChunkReader;
use super::usage::normalise;
use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing, Payload};
use crate::providers::json::{Fields, JsonBody};
use crate::providers::meter::{EventMeter, Meter};
use crate::providers::operation::{Answer, BoxError, Operation, Place, is_event_stream};

/// Chat completions as OpenAI serves them.
pub static CHAT: ChatCompletions = ChatCompletions { family: Family::OpenAi };

const FIELDS: Fields = Fields {
    model: true,
    stream: true,
    usage_option: true,
    settings: &[],
    caps: &["max_completion_tokens", "max_tokens"],
    choices: &["n"],
    prompt: &["messages"],
};

/// Chat completions, on the routes of one family.
#[derive(Debug)]
pub struct ChatCompletions {
    /// Whose routes.
    pub family: Family,
}

impl Operation for ChatCompletions {
    fn name(&self) -> &'static str {
        "chat_completions"
    }

    fn family(&self) -> Family {
        self.family
    }

    fn decode(&'static self, _: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let body = JsonBody::decode(body, &FIELDS)?;
        Ok(Call::json(self, body.model.clone().unwrap_or_default(), body))
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        place.address.endpoint(place.provider, place.config, place.slug, "chat/completions")
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        let Payload::Json(body) = &call.payload;
        let cap = call.cap.map(|tokens| (tokens, cap_field(place.provider)));
        Ok(Outgoing::as_sent(body.encode(place.slug, cap)))
    }

    fn answer(&self, _: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        let answer: Completion<'_> = serde_json::from_slice(&body)?;
        let reported = answer.usage.filter(|usage| usage.get() != "null").and_then(|usage| normalise(usage.get()));
        let content_bytes = answer.choices.map_or(0, |choices| choices.get().len());
        Ok(Answer { reported, content_bytes, body })
    }

    fn meter(&self, call: &Call, _: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>> {
        let Payload::Json(body) = &call.payload;
        is_event_stream(headers).then(|| Box::new(EventMeter::new(ChunkReader::new(body.wants_usage))) as _)
    }
}

/// What the gateway reads of an answer.
#[derive(Deserialize)]
struct Completion<'a> {
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    choices: Option<&'a RawValue>,
}

/// The field by which an upstream's answers are capped where the caller set no cap.
const fn cap_field(provider: ProviderType) -> &'static str {
    match provider {
        ProviderType::OpenAi | ProviderType::AzureOpenAi => "max_completion_tokens",
        _ => "max_tokens",
    }
}
