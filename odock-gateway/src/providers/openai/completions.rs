//! Completions of a prompt: `POST …/completions` (OpenAI API reference, "Completions", as vLLM serves it) and Mistral's
//! fill-in-the-middle, `POST …/fim/completions` (Mistral API reference, "FIM").

use bytes::Bytes;
use http::{HeaderMap, Uri};
use serde_json::value::RawValue;

use super::generation;
use super::usage::normalise;
use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing};
use crate::providers::json::{Fields, JsonBody};
use crate::providers::meter::Meter;
use crate::providers::operation::{Answer, BoxError, Operation, Place};
use crate::providers::usage::Normalise;

/// Completions of a prompt, on the routes of one family.
#[derive(Debug)]
pub struct Completions {
    /// Their name in metrics.
    pub name: &'static str,
    /// Whose routes.
    pub family: Family,
    /// Where they are, below the version.
    pub path: &'static str,
    /// What their fields mean.
    pub fields: Fields,
    /// How their usage is read.
    pub normalise: Normalise,
}

/// Completions as OpenAI serves them, to models of old.
pub static COMPLETIONS: Completions =
    Completions { name: "completions", family: Family::OpenAi, path: "completions", fields: FIELDS, normalise };

/// The fields of a completion.
pub const FIELDS: Fields = Fields {
    model: true,
    stream: true,
    usage_option: true,
    settings: &[],
    quoted: false,
    caps: &["max_tokens"],
    choices: &["n", "best_of"],
    prompt: &["prompt", "suffix"],
};

impl Operation for Completions {
    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        self.family
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let body = JsonBody::decode_for(body, &self.fields, asked.model)?;
        let prompts = body.field("prompt").map_or(1, prompts);
        let mut call = Call::json(self, body.model.clone().unwrap_or_default(), body);
        call.bound.choices = call.bound.choices.saturating_mul(prompts);
        Ok(call)
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        place.address.endpoint(place.provider, place.config, place.slug, self.path)
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        generation::encode(call, place)
    }

    fn answer(&self, _: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        generation::answer(body, self.normalise)
    }

    fn meter(&self, call: &Call, _: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>> {
        generation::meter(call, &self.fields, self.normalise, headers)
    }
}

/// How many prompts there are: a list of texts, or of lists of tokens, has each completed.
fn prompts(prompt: &str) -> u64 {
    // Anything else than a list is one prompt, or the upstream's to refuse.
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(prompt) else { return 1 };
    let are_tokens = items.first().is_some_and(|first| first.get().starts_with(|c: char| c.is_ascii_digit()));
    if are_tokens { 1 } else { items.len().max(1) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_prompts_has_as_many_answers() {
        for (prompt, expected) in
            [(r#""one""#, 1), ("[]", 1), ("[1, 2, 3]", 1), (r#"["a", "b"]"#, 2), ("[[1, 2], [3], [4]]", 3), ("null", 1)]
        {
            assert_eq!(prompts(prompt), expected, "{prompt}");
        }
    }
}
