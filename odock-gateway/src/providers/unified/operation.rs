//! The route that speaks to every family: reads OpenAI's chat fields, and asks each upstream in the words of its own family.

use bytes::Bytes;
use entity::vocab::ProviderType;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Opening, Translator, UnifiedRequest, decode_answer};
use crate::providers::address::with_query;
use crate::providers::call::{Asked, Bound, Call, DecodeError, Outgoing, Output, Payload};
use crate::providers::meter::Meter;
use crate::providers::operation::{Answer, BoxError, Operation, Place, is_event_stream};
use crate::providers::{Family, anthropic, gemini, mistral, openai};

/// Chat with any model, whatever its provider speaks.
pub static CHAT: UnifiedChat = UnifiedChat;

/// The provider-neutral chat.
#[derive(Debug)]
pub struct UnifiedChat;

/// How a provider itself is asked to chat.
fn native(provider: ProviderType, stream: bool) -> &'static dyn Operation {
    match provider {
        ProviderType::Anthropic => &anthropic::messages::MESSAGES,
        ProviderType::Google if stream => &gemini::generate::STREAM,
        ProviderType::Google => &gemini::generate::GENERATE,
        ProviderType::Mistral => &mistral::CHAT,
        ProviderType::OpenAi
        | ProviderType::AzureOpenAi
        | ProviderType::Vllm
        | ProviderType::HuggingFace
        | ProviderType::Custom => &openai::chat::CHAT,
    }
}

fn request(call: &Call) -> Result<&UnifiedRequest, DecodeError> {
    match &call.payload {
        Payload::Unified(request) => Ok(request),
        _ => Err(DecodeError::new("the request is not a chat in the gateway's own words")),
    }
}

impl Operation for UnifiedChat {
    fn name(&self) -> &'static str {
        "unified_chat"
    }

    fn family(&self) -> Family {
        Family::Odock
    }

    fn decode(&'static self, _: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let request = UnifiedRequest::decode(body).map_err(|error| DecodeError::new(error.to_string()))?;
        let bound = Bound {
            input: request.body().len() as u64,
            output: Output::asked(request.output_cap()),
            choices: request.choices(),
            units: 0,
        };
        Ok(Call {
            operation: self,
            model: request.model().to_owned(),
            stream: request.stream(),
            prompt_bytes: request.prompt_bytes(),
            bound,
            cap: None,
            query: None,
            variant: None,
            payload: Payload::Unified(Box::new(request)),
        })
    }

    fn adds_input(&self, call: &Call) -> bool {
        openai::files::are_elsewhere(call.text())
    }

    fn uri(&self, place: &Place<'_>, stream: bool) -> Option<Uri> {
        let uri = native(place.provider, stream).uri(place, stream)?;
        // Without it Gemini streams one growing array.
        if place.provider == ProviderType::Google && stream { with_query(&uri, "alt=sse") } else { Some(uri) }
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        let encoded = request(call)?
            .encode(place.provider, place.slug, place.max_output, call.cap)
            .map_err(|unsupported| DecodeError::new(unsupported.to_string()))?;
        let json = HeaderValue::from_static("application/json");
        let defaults = match place.provider {
            ProviderType::Anthropic => vec![anthropic::VERSION],
            _ => Vec::new(),
        };
        Ok(Outgoing {
            content_type: Some(json),
            defaults,
            dropped: encoded.dropped,
            ..Outgoing::as_sent([encoded.body])
        })
    }

    fn objects_to_cap(&self, call: &Call, place: &Place<'_>, cap: u64) -> Option<String> {
        let encode = |cap| request(call).ok()?.encode(place.provider, place.slug, place.max_output, cap).ok();
        encode(None)?;
        let Some(capped) = encode(Some(cap)) else {
            return Some(format!("an answer of {cap} tokens has no room for the reasoning that is asked for"));
        };
        let least = match place.provider {
            ProviderType::Anthropic => anthropic::least_cap(&capped.body),
            ProviderType::Google => gemini::least_cap(&capped.body),
            _ => None,
        };
        least.filter(|(least, _)| cap < *least).map(|(_, why)| why)
    }

    fn answer(&self, _: &Call, place: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        let answer = decode_answer(place.provider, &body)?;
        let body = answer.to_json(place.name, place.model);
        Ok(Answer { body, content_bytes: answer.content_bytes, reported: answer.reported })
    }

    fn meter(&self, call: &Call, place: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>> {
        if !is_event_stream(headers) {
            return None;
        }
        let wants_usage = request(call).is_ok_and(UnifiedRequest::wants_usage);
        let id = uuid::Uuid::now_v7();
        let created = id.get_timestamp().map_or(0, |at| i64::try_from(at.to_unix().0).unwrap_or(0));
        let id = format!("chatcmpl-{}", id.simple());
        let opening = Opening { model: place.model.to_owned(), id, created, wants_usage };
        Some(Box::new(Translator::new(place.provider, opening)))
    }

    fn refusal(&self, provider: &str, status: StatusCode, body: &Bytes) -> Option<Bytes> {
        let said: Option<&RawValue> = serde_json::from_slice(body).ok();
        let message = said.and_then(|said| message(said.get()));
        let message = message.unwrap_or_else(|| format!("the provider {provider} refused the request"));
        let upstream = match said {
            Some(said) => json!({"status": status.as_u16(), "body": said}),
            None => json!({"status": status.as_u16(), "body": String::from_utf8_lossy(body)}),
        };
        let error = json!({"code": "upstream_error", "message": message, "upstream": upstream});
        Some(json!({"error": error}).to_string().into())
    }
}

/// The provider's own words: every family has them under `message`, in an object named `error` or at the top.
fn message(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let message = body.pointer("/error/message").or_else(|| body.pointer("/0/error/message")).or(body.get("message"))?;
    message.as_str().map(Into::into)
}
