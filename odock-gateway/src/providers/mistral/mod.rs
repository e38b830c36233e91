//! Mistral's API (<https://docs.mistral.ai/api>): chat, fill-in-the-middle, embeddings, moderations and documents.

mod ocr;
pub mod usage;

use self::ocr::OCR_FIELDS;
use super::Family;
use super::json::Fields;
use super::openai::chat::ChatCompletions;
use super::openai::completions::Completions;
use super::openai::generation;
use super::openai::usage::{Makes, normalise_as};
use super::plain::{At, Counts, Plain};

/// The fields of a chat. The last chunk of a stream has the usage, asked or not, and options of streams are refused.
pub const CHAT_FIELDS: Fields = Fields {
    model: true,
    stream: true,
    usage_option: false,
    settings: &[],
    quoted: false,
    caps: &["max_tokens"],
    choices: &["n"],
    prompt: &["messages"],
};

/// Chat completions.
pub static CHAT: ChatCompletions = ChatCompletions { family: Family::Mistral };
/// What stands between a beginning and an end.
pub static FIM: Completions = Completions {
    name: "fim_completions",
    family: Family::Mistral,
    path: "fim/completions",
    fields: Fields { choices: &[], prompt: &["prompt", "suffix"], ..CHAT_FIELDS },
    normalise: usage::normalise,
};
/// Embeddings.
pub static EMBEDDINGS: Plain = Plain {
    reported: |_, body| generation::usage(body, |raw| normalise_as(Makes::Vectors, raw)),
    counts: Counts::Embeddings,
    ..reading("embeddings")
};
/// Which categories a text falls into.
pub static MODERATIONS: Plain = reading("moderations");
/// A document, read page by page.
pub static OCR: Plain = Plain {
    name: "ocr",
    family: Family::Mistral,
    at: At::Version("ocr"),
    fields: OCR_FIELDS,
    counts: Counts::Units(ocr::most_pages),
    reported: |_, body| ocr::pages_read(body),
};

/// A call that a model reads and answers with numbers.
const fn reading(name: &'static str) -> Plain {
    Plain {
        name,
        family: Family::Mistral,
        at: At::Version(name),
        fields: Fields { prompt: &["input"], ..Fields::MODEL },
        counts: Counts::Tokens,
        reported: |_, body| generation::usage(body, |raw| normalise_as(Makes::Judgements, raw)),
    }
}
