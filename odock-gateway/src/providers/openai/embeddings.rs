//! Embeddings: `POST …/embeddings` (OpenAI API reference, "Embeddings"), as numbers or in base64.

use super::generation;
use super::usage::{Makes, normalise_as};
use crate::providers::Family;
use crate::providers::json::Fields;
use crate::providers::plain::{At, Counts, Plain};

/// Embeddings as OpenAI serves them.
pub static EMBEDDINGS: Plain = embeddings(Family::OpenAi);

/// Embeddings, on the routes of one family.
#[must_use]
pub const fn embeddings(family: Family) -> Plain {
    Plain {
        name: "embeddings",
        family,
        at: At::Version("embeddings"),
        // vLLM embeds conversations too.
        fields: Fields { prompt: &["input", "messages"], ..Fields::MODEL },
        counts: Counts::Embeddings,
        reported: |_, body| generation::usage(body, |raw| normalise_as(Makes::Vectors, raw)),
    }
}
