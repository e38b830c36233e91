//! The tokens that a request would have: `…:countTokens`. Counting consumes nothing.

use bytes::Bytes;
use http::{HeaderMap, Uri};

use super::embed;
use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing};
use crate::providers::meter::Meter;
use crate::providers::operation::{Answer, BoxError, Operation, Place};
use crate::providers::usage::Reported;

/// Counting tokens.
pub static COUNT_TOKENS: CountTokens = CountTokens;

/// Counting the tokens of content that is not made.
#[derive(Debug)]
pub struct CountTokens;

impl Operation for CountTokens {
    fn name(&self) -> &'static str {
        "count_tokens"
    }

    fn family(&self) -> Family {
        Family::Gemini
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        Ok(embed::call(self, asked, body)?.for_nothing())
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        super::uri(place, "countTokens")
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        embed::encode(call, place)
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
