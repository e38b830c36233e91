//! Images of a prompt: `POST …/images/generations`.

use bytes::Bytes;
use entity::usage::TokenUsage;
use http::{HeaderMap, Uri};

use super::events::EventReader;
use super::{MOST_TOKENS, answer, estimated};
use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing, Output};
use crate::providers::json::{Fields, JsonBody};
use crate::providers::meter::{EventMeter, Meter};
use crate::providers::operation::{Answer, BoxError, Operation, Place, is_event_stream};

/// Images of a prompt as OpenAI makes them.
pub static GENERATIONS: Generations = Generations;

const FIELDS: Fields = Fields { stream: true, choices: &["n"], prompt: &["prompt"], ..Fields::MODEL };

/// Images of a prompt.
#[derive(Debug)]
pub struct Generations;

impl Operation for Generations {
    fn name(&self) -> &'static str {
        "image_generations"
    }

    fn family(&self) -> Family {
        Family::OpenAi
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let body = JsonBody::decode_for(body, &FIELDS, asked.model)?;
        let mut call = Call::json(self, body.model.clone().unwrap_or_default(), body);
        call.bound.output = Output::Fixed(MOST_TOKENS);
        call.bound.units = call.bound.choices;
        Ok(call)
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        place.address.endpoint(place.provider, place.config, place.slug, "images/generations")
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        Ok(Outgoing::as_sent(call.json_body()?.encode(place.slug, None)))
    }

    fn answer(&self, _: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        answer::read(body)
    }

    fn estimated(&self, input: u64, output: u64) -> TokenUsage {
        estimated(input, output)
    }

    fn meter(&self, call: &Call, _: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>> {
        is_event_stream(headers).then(|| Box::new(EventMeter::new(EventReader::new(call.bound.choices))) as _)
    }
}
