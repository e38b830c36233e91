//! Messages: `POST /v1/messages` (API reference, "Create a Message").

use bytes::Bytes;
use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::stream::MessageReader;
use super::usage::normalise;
use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing};
use crate::providers::json::{Fields, JsonBody};
use crate::providers::meter::{EventMeter, Meter};
use crate::providers::operation::{Answer, BoxError, Operation, Place, is_event_stream};

/// Messages.
pub static MESSAGES: Messages = Messages;

const FIELDS: Fields = Fields {
    model: true,
    stream: true,
    usage_option: false,
    settings: &[],
    quoted: false,
    caps: &["max_tokens"],
    choices: &[],
    prompt: &["system", "messages", "tools"],
};

/// Messages, whole or streamed.
#[derive(Debug)]
pub struct Messages;

impl Operation for Messages {
    fn name(&self) -> &'static str {
        "messages"
    }

    fn family(&self) -> Family {
        Family::Anthropic
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let body = JsonBody::decode(body, &FIELDS)?;
        let model = body.model.clone().unwrap_or_default();
        Ok(Call { query: super::query(asked), ..Call::json(self, model, body) })
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        super::endpoint(place, "messages")
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        super::outgoing(call, place)
    }

    fn adds_input(&self, call: &Call) -> bool {
        super::adds::adds_input(call.text())
    }

    fn objects_to_cap(&self, call: &Call, _: &Place<'_>, cap: u64) -> Option<String> {
        let asked = call.bound.output.cap()?;
        // What thinks between calls of tools may think more than it says; that is the caller's to know.
        super::least_cap(call.text()).filter(|(least, _)| (cap + 1..=asked).contains(least)).map(|(_, why)| why)
    }

    fn own_units(&self, call: &Call) -> u64 {
        super::adds::searches(call.text())
    }

    fn answer(&self, _: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        let message: Message<'_> = serde_json::from_slice(&body)?;
        let reported = message.usage.and_then(|usage| normalise(usage.get()));
        let content_bytes = message.content.map_or(0, |content| content.get().len());
        Ok(Answer { reported, content_bytes, body })
    }

    fn meter(&self, _: &Call, _: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>> {
        is_event_stream(headers).then(|| Box::new(EventMeter::new(MessageReader::default())) as _)
    }
}

/// What the gateway reads of an answer.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    content: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use entity::vocab::ProviderType;

    use super::*;
    use crate::providers::testing::Upstream;
    use crate::spool::Piece;

    fn sent(body: &str, query: Option<&str>, base: &str, cap: Option<u64>) -> (String, Option<String>) {
        let asked = Asked { model: None, query, headers: &HeaderMap::new() };
        let mut call = MESSAGES.decode(&asked, Bytes::copy_from_slice(body.as_bytes())).unwrap();
        call.cap = cap;
        let upstream = Upstream::at(base);
        let place = upstream.place(ProviderType::Anthropic, "claude-sonnet-4-5");
        let outgoing = MESSAGES.encode(&call, &place).unwrap();
        let uri = outgoing.uri.map(|uri| uri.to_string());
        (String::from_utf8(outgoing.body.into_iter().filter_map(Piece::in_memory).flatten().collect()).unwrap(), uri)
    }

    #[test]
    fn only_the_models_name_and_the_cap_change() {
        let body = include_str!("golden/request.json").trim_end();
        let (text, uri) = sent(body, None, "https://api.anthropic.com", None);
        assert_eq!(text, body.replace("\"smart\"", "\"claude-sonnet-4-5\""));
        assert_eq!(uri, None, "its usual place");
        let (text, _) = sent(body, None, "https://api.anthropic.com", Some(77));
        assert_eq!(text, body.replace("\"smart\"", "\"claude-sonnet-4-5\"").replace("2048", "77"));
    }

    #[test]
    fn of_the_query_only_the_preview_goes_on() {
        for (query, expected) in [
            (Some("beta=true"), Some("https://x/base/v1/messages?beta=true")),
            (Some("key=sk-1&beta=true&x=y"), Some("https://x/base/v1/messages?beta=true")),
            (Some("beta=false"), None),
            (None, None),
        ] {
            let (_, uri) = sent(r#"{"model":"m","max_tokens":1,"messages":[]}"#, query, "https://x/base/v1", None);
            assert_eq!(uri.as_deref(), expected, "{query:?}");
        }
    }

    #[test]
    fn an_answer_is_read_as_it_came() {
        let body = Bytes::from_static(include_bytes!("golden/answer.json"));
        let upstream = Upstream::at("https://x");
        let place = upstream.place(ProviderType::Anthropic, "s");
        let asked = Asked { model: None, query: None, headers: &HeaderMap::new() };
        let call = MESSAGES.decode(&asked, Bytes::from_static(br#"{"model":"m"}"#)).unwrap();
        let answer = MESSAGES.answer(&call, &place, body.clone()).unwrap();
        assert_eq!(answer.body.as_ptr(), body.as_ptr());
        let tokens = answer.reported.unwrap().tokens;
        assert_eq!((tokens.input_text, tokens.input_cached, tokens.input_cache_write), (21, 1_800, 188));
        assert_eq!((tokens.output(), tokens.total), (305, 2_314));
        assert!(MESSAGES.answer(&call, &place, Bytes::from_static(b"<html>")).is_err());
        let bare = MESSAGES.answer(&call, &place, Bytes::from_static(br#"{"content":[{"type":"text"}]}"#)).unwrap();
        assert!(bare.reported.is_none() && bare.content_bytes > 0);
    }
}
