//! Calls in JSON that are answered in one piece and write no text: vectors, judgements, documents, counts.

use bytes::Bytes;
use entity::usage::TokenUsage;
use http::{HeaderMap, Uri};

use super::Family;
use super::call::{Asked, Call, DecodeError, Outgoing, Output};
use super::json::{Fields, JsonBody};
use super::meter::Meter;
use super::operation::{Answer, BoxError, Operation, Place};
use super::usage::Reported;

/// Such a kind of call.
#[derive(Debug)]
pub struct Plain {
    /// Its name in metrics.
    pub name: &'static str,
    /// Whose routes.
    pub family: Family,
    /// Where it is at an upstream.
    pub at: At,
    /// What its fields mean.
    pub fields: Fields,
    /// What it is counted in.
    pub counts: Counts,
    /// Reads what an answer says of usage.
    pub reported: fn(&Call, &[u8]) -> Result<Option<Reported>, BoxError>,
}

/// Where a call goes at an upstream.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// Below the version, as `embeddings` in `/v1/embeddings`.
    Version(&'static str),
    /// Beside the version, as `/tokenize`.
    Root(&'static str),
}

/// What a call is counted in.
#[derive(Clone, Copy, Debug)]
pub enum Counts {
    /// Tokens that are embedded.
    Embeddings,
    /// Tokens that are read.
    Tokens,
    /// Pages, images or the like: how many there may be at the most.
    Units(fn(&JsonBody) -> Result<u64, DecodeError>),
    /// Nothing: no model is asked.
    Nothing,
}

impl Operation for Plain {
    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        self.family
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let body = JsonBody::decode_for(body, &self.fields, asked.model)?;
        let units = match self.counts {
            Counts::Units(most) => most(&body)?,
            Counts::Embeddings | Counts::Tokens | Counts::Nothing => 0,
        };
        let mut call = Call::json(self, body.model.clone().unwrap_or_default(), body);
        if matches!(self.counts, Counts::Units(_) | Counts::Nothing) {
            call = call.for_nothing();
        }
        call.bound.output = Output::None;
        call.bound.units = units;
        Ok(call)
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        match self.at {
            At::Version(path) => place.address.endpoint(place.provider, place.config, place.slug, path),
            At::Root(path) => place.address.beside_version(path),
        }
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        Ok(Outgoing::as_sent(call.json_body()?.encode(place.slug, None)))
    }

    fn answer(&self, call: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        let reported = (self.reported)(call, &body)?;
        Ok(Answer { reported, content_bytes: 0, body })
    }

    fn only_counts(&self) -> bool {
        matches!(self.counts, Counts::Nothing)
    }

    fn estimated(&self, input: u64, _: u64) -> TokenUsage {
        match self.counts {
            Counts::Embeddings => TokenUsage { embeddings: input, total: input, ..TokenUsage::default() },
            Counts::Tokens => TokenUsage { input_text: input, total: input, ..TokenUsage::default() },
            Counts::Units(_) | Counts::Nothing => TokenUsage::default(),
        }
    }

    fn meter(&self, _: &Call, _: &Place<'_>, _: &HeaderMap) -> Option<Box<dyn Meter>> {
        None
    }
}
