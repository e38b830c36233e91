//! Chat completions: `POST …/chat/completions` (OpenAI API reference, "Chat").

use bytes::Bytes;
use http::{HeaderMap, Uri};

use super::{files, generation, usage};
use crate::providers::call::{Asked, Call, DecodeError, Outgoing};
use crate::providers::json::{Fields, JsonBody};
use crate::providers::meter::Meter;
use crate::providers::operation::{Answer, BoxError, Operation, Place};
use crate::providers::usage::Normalise;
use crate::providers::{Family, mistral};

/// Chat completions as OpenAI serves them.
pub static CHAT: ChatCompletions = ChatCompletions { family: Family::OpenAi };

const FIELDS: Fields = Fields {
    model: true,
    stream: true,
    usage_option: true,
    settings: &[],
    quoted: false,
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

impl ChatCompletions {
    const fn fields(&self) -> &'static Fields {
        match self.family {
            Family::Mistral => &mistral::CHAT_FIELDS,
            _ => &FIELDS,
        }
    }

    fn normalise(&self) -> Normalise {
        match self.family {
            Family::Mistral => mistral::usage::normalise,
            _ => usage::normalise,
        }
    }
}

impl Operation for ChatCompletions {
    fn name(&self) -> &'static str {
        "chat_completions"
    }

    fn family(&self) -> Family {
        self.family
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let body = JsonBody::decode_for(body, self.fields(), asked.model)?;
        Ok(Call::json(self, body.model.clone().unwrap_or_default(), body))
    }

    fn adds_input(&self, call: &Call) -> bool {
        files::are_elsewhere(call.text())
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        place.address.endpoint(place.provider, place.config, place.slug, "chat/completions")
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        generation::encode(call, place)
    }

    fn answer(&self, _: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        generation::answer(body, self.normalise())
    }

    fn meter(&self, call: &Call, _: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>> {
        generation::meter(call, self.fields(), self.normalise(), headers)
    }
}
