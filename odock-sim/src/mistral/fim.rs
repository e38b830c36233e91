//! Code between a beginning and an end. The answer has the shape of a chat's.

use crate::{
    openai::{self, Vendor},
    request::{Asked, Inbound},
    text::text_bytes,
};

/// Reads a request to fill in the middle.
pub(super) fn ask<'a>(inbound: &Inbound<'a>) -> Asked<'a> {
    let number = inbound.number;
    Asked::of_object(inbound, None, |fields, model| {
        let prompt_bytes = text_bytes(fields.required("prompt")?) + fields.get("suffix").map_or(0, text_bytes);
        Ok(openai::prompted(Vendor::Mistral, model, prompt_bytes, fields.is_true("stream"), number))
    })
}
