//! Speech: `POST /v1/audio/transcriptions` and `…/translations` (vLLM documentation, "Transcriptions API"). They are forms
//! with a recording, answered in JSON, as plain text, or in chunks.

use bytes::Bytes;
use entity::usage::TokenUsage;
use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing, Output};
use crate::providers::form::Form;
use crate::providers::meter::{EventMeter, Meter, ReadEvents, Seen, Verdict};
use crate::providers::openai::stream::ChunkReader;
use crate::providers::openai::usage::normalise;
use crate::providers::operation::{Answer, BoxError, Operation, Place, Takes, is_event_stream};

/// Speech as text.
pub static TRANSCRIPTIONS: Speech = Speech { name: "transcriptions", path: "audio/transcriptions" };
/// Speech as text in English.
pub static TRANSLATIONS: Speech = Speech { name: "translations", path: "audio/translations" };

/// Bytes of a second of sound at the least: six kilobits, less than which no codec for speech is asked for.
const LEAST_BYTES_A_SECOND: u64 = 750;
/// Tokens of a second of sound: Whisper makes 1 500 of half a minute.
const TOKENS_A_SECOND: u64 = 50;
/// Bytes of a second of sound in the mean, from which an unreported length is estimated: a common rate of MP3.
const USUAL_BYTES_A_SECOND: u64 = 8_000;

const CAP: &str = "max_completion_tokens";
/// Asks for usage at the end of a stream.
const WANTS_USAGE: &str = "stream_include_usage";

/// Calls that write down what is said.
#[derive(Debug)]
pub struct Speech {
    name: &'static str,
    path: &'static str,
}

impl Operation for Speech {
    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::Vllm
    }

    fn takes(&self) -> Takes {
        Takes::Form
    }

    fn decode(&'static self, _: &Asked<'_>, _: Bytes) -> Result<Call, DecodeError> {
        Err(DecodeError::new("the body must be a form, not a JSON object"))
    }

    fn decode_form(&'static self, asked: &Asked<'_>, form: Form) -> Result<Call, DecodeError> {
        let sound: u64 = form.files().sum();
        if sound == 0 {
            return Err(DecodeError::new("\"file\" is missing: the form needs a recording of that name"));
        }
        let cap = form.whole(CAP, 0)?;
        let most_seconds = sound.div_ceil(LEAST_BYTES_A_SECOND);
        let mut call = Call::form(self, asked, form, &["prompt"], most_seconds.saturating_mul(TOKENS_A_SECOND))?;
        call.bound.output = Output::asked(cap);
        call.bound.units = most_seconds;
        // Four bytes stand for a token.
        let usual = sound.div_ceil(USUAL_BYTES_A_SECOND).saturating_mul(TOKENS_A_SECOND * 4);
        call.prompt_bytes = call.prompt_bytes.saturating_add(usize::try_from(usual).unwrap_or(usize::MAX));
        Ok(call)
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        place.address.endpoint(place.provider, place.config, place.slug, self.path)
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        let cap = call.cap.map(|cap| cap.to_string());
        let mut fields = vec![("model", place.slug)];
        fields.extend(cap.as_deref().map(|cap| (CAP, cap)));
        let form = call.form_body()?;
        if call.stream && !form.flag(WANTS_USAGE)? {
            fields.push((WANTS_USAGE, "true"));
        }
        Ok(Outgoing::as_sent(form.encode(&fields)))
    }

    fn answer(&self, call: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        match serde_json::from_slice::<Transcript<'_>>(&body) {
            Ok(transcript) => {
                let reported = transcript.usage.and_then(|usage| normalise(usage.get()));
                let content_bytes = transcript.text.map_or(0, |text| text.get().len());
                Ok(Answer { reported, content_bytes, body })
            }
            Err(_) if is_plain(call) => Ok(Answer { reported: None, content_bytes: body.len(), body }),
            Err(error) => Err(error.into()),
        }
    }

    fn estimated(&self, input: u64, output: u64) -> TokenUsage {
        let total = input.saturating_add(output);
        TokenUsage { input_audio: input, output_text: output, total, ..TokenUsage::default() }
    }

    fn meter(&self, call: &Call, _: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>> {
        let wants_usage = call.form_body().is_ok_and(|form| form.flag(WANTS_USAGE).unwrap_or(false));
        is_event_stream(headers).then(|| Box::new(EventMeter::new(SpeechReader(ChunkReader::new(wants_usage)))) as _)
    }
}

/// Whether an answer in something else than JSON is asked for.
fn is_plain(call: &Call) -> bool {
    let format = call.form_body().ok().and_then(|form| form.text("response_format").ok().flatten());
    matches!(format, Some("text" | "srt" | "vtt"))
}

/// What the gateway reads of an answer.
#[derive(Deserialize)]
struct Transcript<'a> {
    #[serde(default, borrow)]
    text: Option<&'a RawValue>,
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
}

/// Reads the chunks of a transcript, which are those of a chat, and the typed events that OpenAI has in their place.
#[derive(Debug)]
struct SpeechReader(ChunkReader);

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default)]
    r#type: Option<&'a str>,
    #[serde(default, borrow)]
    delta: Option<&'a RawValue>,
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
}

impl ReadEvents for SpeechReader {
    fn read(&mut self, data: &[u8], seen: &mut Seen) -> Verdict {
        let typed = serde_json::from_slice::<Event<'_>>(data).ok();
        let Some((event, name)) = typed.and_then(|event| event.r#type.map(|name| (event, name))) else {
            return self.0.read(data, seen);
        };
        match name {
            "transcript.text.delta" => {
                seen.content_bytes += event.delta.map_or(0, |delta| delta.get().len().saturating_sub(2));
                seen.has_content = true;
            }
            "transcript.text.done" => {
                seen.reported = event.usage.and_then(|usage| normalise(usage.get())).or(seen.reported.take());
                (seen.has_content, seen.finished, seen.done) = (true, true, true);
            }
            "error" => seen.upstream_error = true,
            _ => {}
        }
        Verdict::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(events: &[&str]) -> Seen {
        let (mut reader, mut seen) = (SpeechReader(ChunkReader::new(false)), Seen::default());
        for event in events {
            reader.read(event.as_bytes(), &mut seen);
        }
        seen
    }

    #[test]
    fn chunks_of_both_kinds_are_read() {
        let seen = read(&[
            r#"{"object":"transcription.chunk","choices":[{"delta":{"content":" Hello"},"finish_reason":null}]}"#,
            r#"{"object":"transcription.chunk","choices":[{"delta":{"content":"."},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":150,"completion_tokens":3,"total_tokens":153}}"#,
            "[DONE]",
        ]);
        assert!(seen.done && seen.has_content);
        assert_eq!((seen.content_bytes, seen.reported.unwrap().tokens.total), (7, 153));
        let seen = read(&[
            r#"{"type":"transcript.text.delta","delta":"Hello"}"#,
            r#"{"type":"transcript.text.done","text":"Hello","usage":{"type":"duration","seconds":3}}"#,
        ]);
        assert!(seen.done && seen.has_content);
        assert_eq!((seen.content_bytes, seen.reported.unwrap().tokens.units), (5, 3));
    }
}
