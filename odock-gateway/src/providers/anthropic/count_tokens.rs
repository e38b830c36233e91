//! The tokens that a message would have: `POST /v1/messages/count_tokens`. Counting consumes nothing.

use bytes::Bytes;
use http::{HeaderMap, Uri};

use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing};
use crate::providers::json::{Fields, JsonBody};
use crate::providers::meter::Meter;
use crate::providers::operation::{Answer, BoxError, Operation, Place};
use crate::providers::usage::Reported;

/// Counting tokens.
pub static COUNT_TOKENS: CountTokens = CountTokens;

/// Counting the tokens of a message that is not made.
#[derive(Debug)]
pub struct CountTokens;

impl Operation for CountTokens {
    fn name(&self) -> &'static str {
        "messages_count_tokens"
    }

    fn family(&self) -> Family {
        Family::Anthropic
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let body = JsonBody::decode(body, &Fields::MODEL)?;
        let model = body.model.clone().unwrap_or_default();
        Ok(Call { query: super::query(asked), ..Call::json(self, model, body).for_nothing() })
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        super::endpoint(place, "messages/count_tokens")
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        super::outgoing(call, place)
    }

    fn answer(&self, _: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        Ok(Answer { reported: Some(Reported::default()), content_bytes: 0, body })
    }

    fn only_counts(&self) -> bool {
        true
    }

    fn meter(&self, _: &Call, _: &Place<'_>, _: &HeaderMap) -> Option<Box<dyn Meter>> {
        None
    }
}
