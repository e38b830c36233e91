//! What all calls have in common that make text in OpenAI's way: how an answer is read, and the cap on it.

use bytes::Bytes;
use entity::vocab::ProviderType;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::stream::ChunkReader;
use crate::providers::call::{Call, DecodeError, Outgoing};
use crate::providers::json::Fields;
use crate::providers::meter::{EventMeter, Meter};
use crate::providers::operation::{Answer, BoxError, Place, is_event_stream};
use crate::providers::scan;
use crate::providers::usage::{Normalise, Reported};

/// What the gateway reads of an answer.
#[derive(Deserialize)]
struct Completion<'a> {
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    choices: Option<&'a RawValue>,
}

/// The body for an upstream, each answer capped if policy demands it.
pub(in crate::providers) fn encode(call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
    let cap = call.cap.map(|tokens| (tokens, cap_field(place.provider)));
    Ok(Outgoing::as_sent(call.json_body()?.encode(place.slug, cap)))
}

/// Reads a whole answer.
pub(in crate::providers) fn answer(body: Bytes, normalise: Normalise) -> Result<Answer, BoxError> {
    let (usage, choices) = read(&body)?;
    let (reported, content_bytes) = (usage.and_then(normalise), choices.map_or(0, str::len));
    Ok(Answer { reported, content_bytes, body })
}

/// An answer's usage and choices, as they stand.
fn read(body: &[u8]) -> Result<(Option<&str>, Option<&str>), serde_json::Error> {
    let text = std::str::from_utf8(body).ok();
    if let Some(found) = text.and_then(|text| scan::named(text, ["usage", "choices"])) {
        let [usage, choices] = found.map(|value| value.filter(|value| *value != "null"));
        return Ok((usage, choices));
    }
    let Completion { usage, choices } = serde_json::from_slice(body)?;
    Ok((usage.map(RawValue::get), choices.map(RawValue::get)))
}

/// A meter of the chunks of an answer. Usage that comes only because the gateway asks for it is withheld.
pub(in crate::providers) fn meter(
    call: &Call,
    fields: &Fields,
    normalise: Normalise,
    headers: &HeaderMap,
) -> Option<Box<dyn Meter>> {
    let wants_usage = !fields.usage_option || call.json_body().is_ok_and(|body| body.wants_usage);
    is_event_stream(headers).then(|| Box::new(EventMeter::new(ChunkReader::reading(wants_usage, normalise))) as _)
}

/// The usage object of an answer, if it has one.
///
/// # Errors
/// When the answer is not a JSON object.
pub(in crate::providers) fn usage(body: &[u8], normalise: Normalise) -> Result<Option<Reported>, BoxError> {
    Ok(read(body)?.0.and_then(normalise))
}

/// The field by which an upstream's answers are capped where the caller set no cap.
const fn cap_field(provider: ProviderType) -> &'static str {
    match provider {
        ProviderType::OpenAi | ProviderType::AzureOpenAi => "max_completion_tokens",
        _ => "max_tokens",
    }
}
