//! Content: `…:generateContent` and `…:streamGenerateContent` (API reference, "Generating content").

use bytes::Bytes;
use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::stream::{ArrayMeter, ContentReader};
use super::usage::normalise;
use crate::providers::Family;
use crate::providers::address::with_query;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing, Output};
use crate::providers::json::{Fields, JsonBody};
use crate::providers::meter::{EventMeter, Meter};
use crate::providers::operation::{Answer, BoxError, Operation, Place, is_event_stream, is_type};

/// Content in one piece.
pub static GENERATE: Content = Content { stream: false };
/// Content as it is made.
pub static STREAM: Content = Content { stream: true };

const FIELDS: Fields = Fields {
    model: false,
    stream: false,
    usage_option: false,
    // protobuf's JSON takes the names of either spelling.
    settings: &["generationConfig", "generation_config"],
    quoted: true,
    caps: &["maxOutputTokens", "max_output_tokens"],
    choices: &["candidateCount", "candidate_count"],
    prompt: &["contents", "systemInstruction", "system_instruction", "tools"],
};

/// Content, whole or streamed.
#[derive(Debug)]
pub struct Content {
    stream: bool,
}

impl Operation for Content {
    fn name(&self) -> &'static str {
        if self.stream { "stream_generate_content" } else { "generate_content" }
    }

    fn family(&self) -> Family {
        Family::Gemini
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let body = JsonBody::decode(body, &FIELDS)?;
        let model = asked.model.unwrap_or_default().to_owned();
        let mut call = Call { stream: self.stream, query: self.query(asked), ..Call::json(self, model, body) };
        if call.bound.output == Output::Capped(0) {
            // To protobuf, nought is as good as nothing.
            call.bound.output = Output::Open;
        }
        Ok(call)
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        super::uri(place, if self.stream { "streamGenerateContent" } else { "generateContent" })
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        let cap = call.cap.map(|tokens| (tokens, "maxOutputTokens"));
        let uri = call.query.and_then(|query| with_query(&self.uri(place, call.stream)?, query));
        Ok(Outgoing { uri, ..Outgoing::as_sent(call.json_body()?.encode(place.slug, cap)) })
    }

    fn adds_input(&self, call: &Call) -> bool {
        super::adds::adds_input(call.text())
    }

    fn objects_to_cap(&self, call: &Call, _: &Place<'_>, cap: u64) -> Option<String> {
        super::least_cap(call.text()).filter(|(least, _)| cap < *least).map(|(_, why)| why)
    }

    fn answer(&self, _: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        let content: Generated<'_> = serde_json::from_slice(&body)?;
        let reported = content.usage.and_then(|usage| normalise(usage.get()));
        let content_bytes = content.candidates.map_or(0, |candidates| candidates.get().len());
        Ok(Answer { reported, content_bytes, body })
    }

    fn meter(&self, _: &Call, _: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>> {
        if is_event_stream(headers) {
            return Some(Box::new(EventMeter::new(ContentReader)));
        }
        is_type(headers, b"application/json").then(|| Box::new(ArrayMeter::default()) as _)
    }
}

impl Content {
    /// What of a caller's query goes on: whether a stream is one of events. The rest is a key, or how to write what comes.
    fn query(&self, asked: &Asked<'_>) -> Option<&'static str> {
        let wants_events =
            asked.query.unwrap_or_default().split('&').any(|pair| matches!(pair, "alt=sse" | "$alt=sse"));
        (self.stream && wants_events).then_some("alt=sse")
    }
}

/// What the gateway reads of an answer.
#[derive(Deserialize)]
struct Generated<'a> {
    #[serde(default, borrow, rename = "usageMetadata")]
    usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    candidates: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use entity::vocab::ProviderType;

    use super::*;
    use crate::providers::testing::Upstream;
    use crate::spool::Piece;

    fn decode(operation: &'static Content, body: &str, query: Option<&str>) -> Call {
        let asked = Asked { model: Some("flash"), query, headers: &HeaderMap::new() };
        operation.decode(&asked, Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    fn encoded(call: &Call) -> (String, Option<String>) {
        let upstream = Upstream::at("https://x");
        let place = upstream.place(ProviderType::Google, "gemini-2.5-flash");
        let outgoing = call.operation.encode(call, &place).unwrap();
        let uri = outgoing.uri.map(|uri| uri.to_string());
        (String::from_utf8(outgoing.body.into_iter().filter_map(Piece::in_memory).flatten().collect()).unwrap(), uri)
    }

    #[test]
    fn a_body_passes_as_it_came_unless_a_budget_caps_it() {
        let body = include_str!("golden/request.json").trim_end();
        let mut call = decode(&GENERATE, body, Some("key=sk-1&alt=sse"));
        assert_eq!((call.model.as_str(), call.stream, call.bound.choices), ("flash", false, 2));
        assert_eq!(call.bound.output, Output::Capped(800));
        assert_eq!(encoded(&call), (body.to_owned(), None));
        call.cap = Some(9);
        assert_eq!(encoded(&call).0, body.replace("800", "9"));
        let mut bare = decode(&GENERATE, r#"{"contents":[]}"#, None);
        bare.cap = Some(9);
        assert_eq!(encoded(&bare).0, r#"{"generationConfig":{"maxOutputTokens":9},"contents":[]}"#);
    }

    #[test]
    fn nought_caps_nothing() {
        let call = decode(&GENERATE, r#"{"generation_config":{"max_output_tokens":0}}"#, None);
        assert_eq!(call.bound.output, Output::Open);
    }

    #[test]
    fn of_the_query_only_the_form_of_the_stream_goes_on() {
        let place = |query| encoded(&decode(&STREAM, "{}", query)).1;
        let events = "https://x/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";
        assert_eq!(place(Some("key=sk-odock-1&alt=sse&prettyPrint=true")).as_deref(), Some(events));
        assert_eq!(place(Some("%24alt=json%3Benum-encoding%3Dint")), None);
        assert_eq!(place(Some("key=sk-odock-1")), None);
    }

    #[test]
    fn an_answer_is_read_as_it_came() {
        let body = Bytes::from_static(include_bytes!("golden/answer.json"));
        let upstream = Upstream::at("https://x");
        let place = upstream.place(ProviderType::Google, "s");
        let call = decode(&GENERATE, "{}", None);
        let answer = GENERATE.answer(&call, &place, body.clone()).unwrap();
        assert_eq!(answer.body.as_ptr(), body.as_ptr());
        let tokens = answer.reported.unwrap().tokens;
        assert_eq!(
            (tokens.input_text, tokens.input_image, tokens.input_cached, tokens.tool_input),
            (20, 258, 1_000, 7)
        );
        assert_eq!((tokens.output_text, tokens.output_reasoning, tokens.total), (12, 30, 1_327));
        assert!(tokens.adds_up());
        assert!(GENERATE.answer(&call, &place, Bytes::from_static(b"oops")).is_err());
    }
}
