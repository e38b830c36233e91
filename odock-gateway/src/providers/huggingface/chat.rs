//! Chat completions: OpenAI's, with the provider behind the router in the model's name.

use bytes::Bytes;
use http::{HeaderMap, Uri};

use super::backend::Backend;
use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing};
use crate::providers::meter::Meter;
use crate::providers::openai::chat::ChatCompletions;
use crate::providers::operation::{Answer, BoxError, Operation, Place};

/// Chat completions of Hugging Face's router.
pub static CHAT: Chat = Chat;

static COMPLETIONS: ChatCompletions = ChatCompletions { family: Family::HuggingFace };

/// Chat completions through the router.
#[derive(Debug)]
pub struct Chat;

impl Operation for Chat {
    fn name(&self) -> &'static str {
        COMPLETIONS.name()
    }

    fn family(&self) -> Family {
        Family::HuggingFace
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        Ok(Call { operation: self, ..COMPLETIONS.decode(asked, body)? })
    }

    fn uri(&self, place: &Place<'_>, stream: bool) -> Option<Uri> {
        COMPLETIONS.uri(place, stream)
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        let slug = Backend::of(call, place)?.slug();
        COMPLETIONS.encode(call, &Place { slug: &slug, ..*place })
    }

    fn answer(&self, call: &Call, place: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        COMPLETIONS.answer(call, place, body)
    }

    fn meter(&self, call: &Call, place: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>> {
        COMPLETIONS.meter(call, place, headers)
    }
}
