//! Changed images, `POST …/images/edits`, and variations of one, `POST …/images/variations`. Both are forms with files.

use bytes::Bytes;
use entity::usage::TokenUsage;
use http::{HeaderMap, Uri};

use super::events::EventReader;
use super::{MOST_TOKENS, answer, estimated};
use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing, Output};
use crate::providers::form::Form;
use crate::providers::meter::{EventMeter, Meter};
use crate::providers::operation::{Answer, BoxError, Operation, Place, Takes, is_event_stream};

/// Changed images as OpenAI makes them.
pub static EDITS: Edits = Edits { name: "image_edits", path: "images/edits" };
/// Variations of an image.
pub static VARIATIONS: Edits = Edits { name: "image_variations", path: "images/variations" };

/// Tokens of an image that is sent, at the most: one of high fidelity, and its tiles (OpenAI guide "Images and vision",
/// "Calculating costs").
const MOST_INPUT: u64 = 7_000;

/// Images made of images.
#[derive(Debug)]
pub struct Edits {
    name: &'static str,
    path: &'static str,
}

impl Operation for Edits {
    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::OpenAi
    }

    fn takes(&self) -> Takes {
        Takes::Form
    }

    fn decode(&'static self, _: &Asked<'_>, _: Bytes) -> Result<Call, DecodeError> {
        Err(DecodeError::new("the body must be a form, not a JSON object"))
    }

    fn decode_form(&'static self, asked: &Asked<'_>, form: Form) -> Result<Call, DecodeError> {
        let images = form.whole("n", 1)?.unwrap_or(1);
        let files = form.files().count() as u64;
        if files == 0 {
            return Err(DecodeError::new("\"image\" is missing: the form needs a file of that name"));
        }
        let mut call = Call::form(self, asked, form, &["prompt"], files.saturating_mul(MOST_INPUT))?;
        call.bound.output = Output::Fixed(MOST_TOKENS);
        (call.bound.choices, call.bound.units) = (images, images);
        Ok(call)
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        place.address.endpoint(place.provider, place.config, place.slug, self.path)
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        Ok(Outgoing::as_sent(call.form_body()?.encode(&[("model", place.slug)])))
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
