//! vLLM's server (<https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html>): OpenAI's operations, and its own
//! for tokens, pooling and ranking. The former are below the version, the latter beside it.

mod audio;

pub use self::audio::{Speech, TRANSCRIPTIONS, TRANSLATIONS};

use super::Family;
use super::json::Fields;
use super::openai::chat::ChatCompletions;
use super::openai::completions::{self, Completions};
use super::openai::embeddings::embeddings;
use super::openai::generation;
use super::openai::responses::Responses;
use super::openai::usage::{self, Makes, normalise_as};
use super::plain::{At, Counts, Plain};
use super::usage::Reported;

/// Chat completions.
pub static CHAT: ChatCompletions = ChatCompletions { family: Family::Vllm };
/// Completions of a prompt.
pub static COMPLETIONS: Completions = Completions {
    name: "completions",
    family: Family::Vllm,
    path: "completions",
    fields: completions::FIELDS,
    normalise: usage::normalise,
};
/// Responses.
pub static RESPONSES: Responses = Responses { family: Family::Vllm };
/// Embeddings.
pub static EMBEDDINGS: Plain = embeddings(Family::Vllm);
/// The hidden states of a model, pooled or not.
pub static POOLING: Plain = Plain {
    counts: Counts::Embeddings,
    reported: |call, body| match generation::usage(body, |raw| normalise_as(Makes::Vectors, raw)) {
        // In bytes if they are asked for; what they say of usage is in a header.
        Err(_) if answers_in_bytes(call) => Ok(None),
        read => read,
    },
    ..reading("pooling", &["input", "messages"])
};
/// The class of a text.
pub static CLASSIFY: Plain = reading("classify", &["input", "messages"]);
/// How alike texts are.
pub static SCORE: Plain = reading("score", &["text_1", "text_2", "data_1", "data_2", "queries", "documents", "items"]);
/// Which documents answer a query best.
pub static RERANK: Plain = reading("rerank", &["query", "documents"]);
/// A text in tokens.
pub static TOKENIZE: Plain = counting("tokenize");
/// Tokens as text.
pub static DETOKENIZE: Plain = counting("detokenize");

/// A call that a model reads and answers with numbers.
const fn reading(name: &'static str, prompt: &'static [&'static str]) -> Plain {
    Plain {
        name,
        family: Family::Vllm,
        at: At::Root(name),
        fields: Fields { prompt, ..Fields::MODEL },
        counts: Counts::Tokens,
        reported: |_, body| generation::usage(body, |raw| normalise_as(Makes::Judgements, raw)),
    }
}

/// A call that no model is asked for.
const fn counting(name: &'static str) -> Plain {
    Plain {
        counts: Counts::Nothing,
        reported: |_, body| {
            generation::usage(body, |_| None)?;
            Ok(Some(Reported::default()))
        },
        ..reading(name, &[])
    }
}

fn answers_in_bytes(call: &super::call::Call) -> bool {
    let format = call.json_body().ok().and_then(|body| body.field("encoding_format"));
    matches!(format, Some("\"bytes\"" | "\"bytes_only\""))
}
