//! Responses: `POST …/responses` (OpenAI API reference, "Responses") and the events of their streams.

use std::borrow::Cow;

use bytes::Bytes;
use entity::vocab::ProviderType;
use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error;
use super::searches::{self, Typed};
use super::usage::normalise;
use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing};
use crate::providers::json::{Fields, JsonBody};
use crate::providers::meter::{EventMeter, Meter, ReadEvents, Seen, Verdict};
use crate::providers::operation::{Answer, BoxError, Operation, Place, is_event_stream};
use crate::providers::sse::LARGE_EVENT;
use crate::providers::usage::Reported;

/// Responses as OpenAI serves them.
pub static RESPONSES: Responses = Responses { family: Family::OpenAi };

const CAP: &str = "max_output_tokens";
const FIELDS: Fields = Fields {
    model: true,
    stream: true,
    // The last event has it, asked or not.
    usage_option: false,
    settings: &[],
    quoted: false,
    caps: &[CAP],
    choices: &[],
    prompt: &["input", "instructions"],
};

/// The least `max_output_tokens` that OpenAI takes.
const LEAST_CAP: u64 = 16;
const BACKGROUND: &str = "\"background\" is not taken: what such a response consumes is known only after its answer, to \
    whoever asks for it then; leave it out, or set it to false";

/// Whether the response is to be made after the answer to its request.
fn wants_background(body: &JsonBody) -> bool {
    let mentioned = memchr::memmem::find(body.bytes(), b"background\"").is_some();
    mentioned && body.field("background").is_some_and(|value| !matches!(value, "false" | "null"))
}

/// Responses, on the routes of one family.
#[derive(Debug)]
pub struct Responses {
    /// Whose routes.
    pub family: Family,
}

impl Operation for Responses {
    fn name(&self) -> &'static str {
        "responses"
    }

    fn family(&self) -> Family {
        self.family
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let body = JsonBody::decode_for(body, &FIELDS, asked.model)?;
        if wants_background(&body) {
            return Err(DecodeError::new(BACKGROUND));
        }
        Ok(Call::json(self, body.model.clone().unwrap_or_default(), body))
    }

    fn adds_input(&self, call: &Call) -> bool {
        refers_elsewhere(call.text())
    }

    fn objects_to_cap(&self, _: &Call, place: &Place<'_>, cap: u64) -> Option<String> {
        let is_openai = matches!(place.provider, ProviderType::OpenAi | ProviderType::AzureOpenAi);
        (is_openai && cap < LEAST_CAP).then(|| format!("its answer must have room for {LEAST_CAP} tokens at the least"))
    }

    fn own_units(&self, call: &Call) -> u64 {
        searches::allowed(call.text())
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        place.address.endpoint(place.provider, place.config, place.slug, "responses")
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        Ok(Outgoing::as_sent(call.json_body()?.encode(place.slug, call.cap.map(|tokens| (tokens, CAP)))))
    }

    fn answer(&self, _: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        let answer: Response<'_> = serde_json::from_slice(&body)?;
        let reported = answer.reported();
        let content_bytes = answer.output.map_or(0, |output| output.get().len());
        Ok(Answer { reported, content_bytes, body })
    }

    fn meter(&self, _: &Call, _: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>> {
        is_event_stream(headers).then(|| Box::new(EventMeter::new(EventReader::default())) as _)
    }
}

/// What the gateway reads of a response.
#[derive(Deserialize)]
struct Response<'a> {
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    output: Option<&'a RawValue>,
}

impl Response<'_> {
    /// What it consumed: the tokens that it reports, and the searches among its output.
    fn reported(&self) -> Option<Reported> {
        let mut reported = normalise(self.usage?.get())?;
        reported.tokens.units = self.output.map_or(0, |output| searches::made(output.get()));
        Some(reported)
    }
}

/// The parts of a request that make the upstream add to the prompt.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(default, borrow)]
    previous_response_id: Option<&'a RawValue>,
    #[serde(default, borrow)]
    conversation: Option<&'a RawValue>,
    #[serde(default, borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(default, borrow)]
    tools: Option<Vec<Typed<'a>>>,
}

/// Whether the upstream adds what the request does not hold: a conversation or a prompt that it keeps, files, results of
/// tools that it runs itself.
fn refers_elsewhere(body: &[u8]) -> bool {
    let mentions = |name: &str| memchr::memmem::find(body, name.as_bytes()).is_some();
    let Ok(parts) = serde_json::from_slice::<Parts<'_>>(body) else { return true };
    let runs_there = |tool: &Typed<'_>| !matches!(tool.r#type.as_deref(), Some("function" | "custom"));
    [parts.previous_response_id, parts.conversation, parts.prompt].iter().any(Option::is_some)
        || parts.tools.is_some_and(|tools| tools.iter().any(runs_there))
        // An escape may hide a name from the search; such names have no reason to be escaped.
        || ["file_id", "file_url", "item_reference"].into_iter().any(mentions)
}

/// Reads the events of a response. The last one, however it ends, has the usage.
#[derive(Debug, Default)]
struct EventReader {
    /// The number of the event that would come next.
    next: u64,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default, borrow)]
    r#type: Option<Cow<'a, str>>,
    #[serde(default)]
    sequence_number: Option<u64>,
    #[serde(default, borrow)]
    delta: Option<&'a RawValue>,
    #[serde(default, borrow)]
    response: Option<&'a RawValue>,
}

impl ReadEvents for EventReader {
    fn read(&mut self, data: &[u8], seen: &mut Seen) -> Verdict {
        if data == b"[DONE]" {
            seen.done = true;
            return Verdict::Pass;
        }
        let Ok(event) = serde_json::from_slice::<Event<'_>>(data) else { return Verdict::Pass };
        self.next = event.sequence_number.map_or(self.next, |number| number.saturating_add(1));
        let name = event.r#type.as_deref().unwrap_or_default();
        match name {
            // What is said of a response before anything is in it.
            "response.created" | "response.queued" | "response.in_progress" => {}
            "response.completed" | "response.incomplete" | "response.failed" => {
                let response = event.response.and_then(|raw| serde_json::from_str::<Response<'_>>(raw.get()).ok());
                seen.reported = response.and_then(|response| response.reported()).or(seen.reported.take());
                seen.upstream_error |= name == "response.failed";
                (seen.finished, seen.done) = (true, true);
            }
            "error" => seen.upstream_error = true,
            // An item or a part of it that begins is empty yet.
            _ if name.ends_with(".added") => {}
            _ => {
                let text = event.delta.map_or("", RawValue::get);
                seen.content_bytes += text.len().saturating_sub(2);
                seen.has_content |= !name.is_empty();
            }
        }
        Verdict::Pass
    }

    fn error_event(&self) -> Option<&'static str> {
        Some("error")
    }

    fn error_data(&self, body: &[u8]) -> Option<Vec<u8>> {
        error::event_data(body, Some(self.next))
    }

    /// The last event repeats the whole response, images included.
    fn max_event(&self) -> usize {
        LARGE_EVENT
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A stream as the API reference shows it, shortened.
    const STREAM: &str = include_str!("../../../tests/fixtures/openai/responses_stream.txt");

    fn run(stream: &str, size: usize) -> (EventMeter<EventReader>, String) {
        let mut meter = EventMeter::new(EventReader::default());
        let mut out = VecDeque::new();
        for piece in stream.as_bytes().chunks(size) {
            meter.feed(Bytes::copy_from_slice(piece), &mut out);
        }
        meter.finish(&mut out);
        (meter, String::from_utf8(out.into_iter().flatten().collect()).unwrap())
    }

    #[test]
    fn usage_is_in_the_last_event_however_the_stream_is_cut() {
        for size in (1..STREAM.len()).step_by(37) {
            let (meter, text) = run(STREAM, size);
            assert_eq!(text, STREAM, "in pieces of {size}");
            let seen = meter.seen();
            assert!(seen.done && seen.has_content && !seen.upstream_error);
            assert_eq!(seen.content_bytes, "Hi there!".len());
            let tokens = &seen.reported.as_ref().unwrap().tokens;
            assert_eq!((tokens.input_text, tokens.output_text, tokens.total), (37, 11, 48));
        }
    }

    #[test]
    fn what_comes_before_content_is_no_content() {
        let end = STREAM.find("event: response.output_text.delta").unwrap();
        let (meter, _) = run(&STREAM[..end], 4_096);
        assert!(!meter.seen().has_content && !meter.seen().is_complete());
    }

    #[test]
    fn searches_are_units_of_a_stream_too() {
        let completed = r#"data: {"type":"response.completed","response":{"output":[{"type":"web_search_call","status":"completed","action":{"type":"search"}}],"usage":{"input_tokens":5,"output_tokens":1,"total_tokens":6}}}"#;
        let (meter, _) = run(&format!("{completed}\n\n"), 4_096);
        let tokens = &meter.seen().reported.as_ref().unwrap().tokens;
        assert_eq!((tokens.total, tokens.units), (6, 1));
    }

    #[test]
    fn a_failed_response_is_an_error_with_its_usage() {
        let failed = r#"data: {"type":"response.failed","sequence_number":3,"response":{"usage":{"input_tokens":5,"output_tokens":1,"total_tokens":6},"error":{"code":"server_error"}}}"#;
        let (meter, _) = run(&format!("{failed}\n\n"), 4_096);
        assert!(meter.seen().upstream_error && meter.seen().done);
        assert_eq!(meter.seen().reported.as_ref().unwrap().tokens.total, 6);
        let (meter, _) = run("event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\"}\n\n", 4_096);
        assert!(meter.seen().upstream_error && !meter.seen().is_complete());
    }

    #[test]
    fn an_error_of_the_gateway_follows_the_numbers() {
        let end = STREAM.find("event: response.output_text.done").unwrap();
        let (mut meter, _) = run(&STREAM[..end], 4_096);
        let mut out = VecDeque::new();
        meter.fail(br#"{"error":{"code":"api_key_revoked","message":"the API key was revoked"}}"#, &mut out);
        let event = String::from_utf8(out.into_iter().flatten().collect()).unwrap();
        let data = event.strip_prefix("event: error\ndata: ").unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!((&data["type"], &data["code"]), (&"error".into(), &"api_key_revoked".into()));
        assert_eq!((&data["sequence_number"], &data["error"]["code"]), (&6.into(), &"api_key_revoked".into()));
    }

    #[test]
    fn garbage_passes_and_completes_nothing() {
        let garbage =
            "data: {\"type\": 7\n\ndata: []\n\nevent: x\n\ndata: {\"type\":\"response.completed\",\"response\":7}";
        let (meter, text) = run(garbage, 5);
        assert_eq!(text, garbage);
        assert_eq!(meter.seen().reported, None);
    }

    #[test]
    fn what_the_upstream_adds_to_the_prompt_is_known() {
        for body in [
            r#"{"input":"x","previous_response_id":"resp_1"}"#,
            r#"{"input":"x","conversation":{"id":"c"}}"#,
            r#"{"prompt":{"id":"pmpt_1"}}"#,
            r#"{"input":"x","tools":[{"type":"function","name":"f"},{"type":"web_search"}]}"#,
            r#"{"input":[{"content":[{"type":"input_file","file_id":"file-1"}]}]}"#,
            "not json",
        ] {
            assert!(refers_elsewhere(body.as_bytes()), "{body}");
        }
        for body in [
            r#"{"input":"x","previous_response_id":null,"tools":[]}"#,
            r#"{"input":"x","tools":[{"type":"function"},{"type":"custom"}]}"#,
        ] {
            assert!(!refers_elsewhere(body.as_bytes()), "{body}");
        }
    }
}
