//! Embeddings: `…:embedContent` and `…:batchEmbedContents` (API reference, "Embeddings").

use bytes::Bytes;
use entity::usage::TokenUsage;
use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::names;
use super::usage::normalise;
use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing, Output};
use crate::providers::json::{Fields, JsonBody};
use crate::providers::meter::Meter;
use crate::providers::operation::{Answer, BoxError, Operation, Place};
use crate::providers::usage::Reported;

/// The embedding of one content.
pub static EMBED: Embed = Embed { batch: false };
/// The embeddings of several.
pub static BATCH_EMBED: Embed = Embed { batch: true };

const FIELDS: Fields = Fields { model: false, prompt: &["content", "requests"], ..Fields::MODEL };

/// Embeddings of one content or of several.
#[derive(Debug)]
pub struct Embed {
    batch: bool,
}

/// A call that the path names the model of.
pub(super) fn call(operation: &'static dyn Operation, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
    let body = JsonBody::decode(body, &FIELDS)?;
    Ok(Call::json(operation, asked.model.unwrap_or_default().to_owned(), body))
}

/// The caller's body with the upstream's name of the model wherever it must agree with the path.
pub(super) fn encode(call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
    let body = call.json_body()?;
    let names = names::places(body.bytes());
    Ok(Outgoing::as_sent(body.with_names(names, &super::resource(place.slug))))
}

impl Operation for Embed {
    fn name(&self) -> &'static str {
        if self.batch { "batch_embed_contents" } else { "embed_content" }
    }

    fn family(&self) -> Family {
        Family::Gemini
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let mut call = call(self, asked, body)?;
        call.bound.output = Output::None;
        Ok(call)
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        super::uri(place, if self.batch { "batchEmbedContents" } else { "embedContent" })
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        encode(call, place)
    }

    fn answer(&self, _: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        let answer: Embedded<'_> = serde_json::from_slice(&body)?;
        let reported = answer.usage.and_then(|usage| normalise(usage.get())).map(embedded);
        Ok(Answer { reported, content_bytes: 0, body })
    }

    fn meter(&self, _: &Call, _: &Place<'_>, _: &HeaderMap) -> Option<Box<dyn Meter>> {
        None
    }
}

/// What the gateway reads of an answer. Older models report no usage.
#[derive(Deserialize)]
struct Embedded<'a> {
    #[serde(default, borrow, rename = "usageMetadata")]
    usage: Option<&'a RawValue>,
}

/// Text that is embedded has a class of its own; other media keep theirs.
fn embedded(reported: Reported) -> Reported {
    let Reported { tokens, raw } = reported;
    let tokens = TokenUsage { embeddings: tokens.input_text, input_text: 0, ..tokens };
    Reported { tokens, raw }
}

#[cfg(test)]
mod tests {
    use entity::vocab::ProviderType;

    use super::*;
    use crate::providers::testing::Upstream;
    use crate::spool::Piece;

    #[test]
    fn the_models_name_agrees_with_the_path_wherever_it_stands() {
        let upstream = Upstream::at("https://x");
        let place = upstream.place(ProviderType::Google, "gemini-embedding-001");
        let asked = Asked { model: Some("vectors"), query: None, headers: &HeaderMap::new() };
        let body = br#"{"requests":[{"model":"models/vectors","content":{"parts":[{"text":"a"}]}}, {"content":{},"model" : "models/vectors"}]}"#;
        let call = BATCH_EMBED.decode(&asked, Bytes::from_static(body)).unwrap();
        assert_eq!((call.model.as_str(), call.bound.output), ("vectors", Output::None));
        let sent = BATCH_EMBED
            .encode(&call, &place)
            .unwrap()
            .body
            .into_iter()
            .filter_map(Piece::in_memory)
            .flatten()
            .collect();
        let expected = String::from_utf8_lossy(body).replace("models/vectors", "models/gemini-embedding-001");
        assert_eq!(String::from_utf8(sent).unwrap(), expected);
    }

    #[test]
    fn what_is_embedded_has_a_class_of_its_own() {
        let reported = normalise(r#"{"promptTokenCount":9}"#).map(embedded).unwrap();
        assert_eq!((reported.tokens.embeddings, reported.tokens.input_text, reported.tokens.total), (9, 0, 9));
        assert!(reported.tokens.adds_up());
    }
}
