//! Tasks of one model: what a caller asks for, and what that may consume. They are billed by the unit: a text that becomes a
//! vector, an image, a film, a second of sound.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use entity::usage::TokenUsage;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Uri};
use serde_json::value::RawValue;

use super::backend::Backend;
use super::inputs::Inputs;
use super::{answer, dialect, sound};
use crate::providers::Family;
use crate::providers::call::{Asked, Bound, Call, DecodeError, Outgoing, Output, Payload};
use crate::providers::json::{Fields, JsonBody};
use crate::providers::meter::Meter;
use crate::providers::operation::{Answer, BoxError, Operation, Place, Takes};

/// Texts to vectors.
pub static FEATURE_EXTRACTION: Task = Task::FeatureExtraction;
/// A text to an image.
pub static TEXT_TO_IMAGE: Task = Task::TextToImage;
/// A text to a film.
pub static TEXT_TO_VIDEO: Task = Task::TextToVideo;
/// Speech to text.
pub static SPEECH_TO_TEXT: Task = Task::SpeechToText;

const FIELDS: Fields = Fields { prompt: &["inputs"], ..Fields::MODEL };
/// The most images that one call may ask for.
const MAX_IMAGES: u64 = 64;

/// A task of one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Texts to vectors.
    FeatureExtraction,
    /// A text to an image.
    TextToImage,
    /// A text to a film.
    TextToVideo,
    /// Speech to text.
    SpeechToText,
}

impl Operation for Task {
    fn name(&self) -> &'static str {
        match self {
            Self::FeatureExtraction => "feature_extraction",
            Self::TextToImage => "text_to_image",
            Self::TextToVideo => "text_to_video",
            Self::SpeechToText => "speech_to_text",
        }
    }

    fn family(&self) -> Family {
        Family::HuggingFace
    }

    fn takes(&self) -> Takes {
        if *self == Self::SpeechToText { Takes::Any } else { Takes::Json }
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let named = model_in_query(asked.query);
        if self.takes() == Takes::Any && !is_json(asked.headers) {
            return self.recording(named, body);
        }
        let body = JsonBody::decode_for(body, &FIELDS, named.as_deref())?;
        let units = self.units(&Inputs::read(body.bytes())?)?;
        let call = Call::json(self, body.model.clone().unwrap_or_default(), body);
        Ok(Call { bound: by_unit(units), stream: false, ..call })
    }

    fn uri(&self, place: &Place<'_>, _: bool) -> Option<Uri> {
        dialect::uri(*self, &Backend::pinned(place.slug), place)
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        dialect::encode(*self, call, &Backend::of(call, place)?, place)
    }

    fn answer(&self, call: &Call, _: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        answer::read(*self, call.bound.units, body)
    }

    fn answer_type(&self) -> Option<HeaderValue> {
        Some(HeaderValue::from_static("application/json"))
    }

    fn estimated(&self, _: u64, _: u64) -> TokenUsage {
        TokenUsage::default()
    }

    fn meter(&self, _: &Call, _: &Place<'_>, _: &HeaderMap) -> Option<Box<dyn Meter>> {
        None
    }
}

impl Task {
    /// A recording as it is: its model is named in the query.
    fn recording(&'static self, named: Option<Cow<'_, str>>, body: Bytes) -> Result<Call, DecodeError> {
        let missing = "the body is a recording, so the query must name the model: add \"?model=…\" to the URL";
        let model = named.filter(|name| !name.is_empty()).ok_or_else(|| DecodeError::new(missing))?;
        if body.is_empty() {
            return Err(DecodeError::new("the body is empty: send a recording, or a JSON object"));
        }
        let units = sound::seconds(&body).unwrap_or(1).max(1);
        Ok(Call {
            operation: self,
            model: model.into_owned(),
            stream: false,
            prompt_bytes: 0,
            bound: by_unit(units),
            cap: None,
            query: None,
            variant: None,
            payload: Payload::Raw(body),
        })
    }

    /// What the call comes to.
    fn units(self, inputs: &Inputs<'_>) -> Result<u64, DecodeError> {
        let given = inputs.get("inputs").ok_or_else(|| DecodeError::new("\"inputs\" is missing"))?;
        if inputs.get("async").is_some_and(|wanted| wanted != "false") {
            return Err(DecodeError::new(
                "\"async\" is not taken here: ask for the task at /v1/huggingface/jobs, and fetch its result later",
            ));
        }
        match self {
            Self::FeatureExtraction => {
                let several = serde_json::from_str::<Vec<&RawValue>>(given).map(|texts| texts.len() as u64);
                Ok(several.unwrap_or(1).max(1))
            }
            Self::TextToImage => {
                inputs.text("inputs")?;
                images(&inputs.parameters()?)
            }
            Self::TextToVideo => inputs.text("inputs").map(|_| 1),
            Self::SpeechToText => {
                let recording = inputs.text("inputs")?;
                // What RIFF begins with in base64; other formats are not worth decoding.
                let is_wav = recording.starts_with("UklGR");
                let recording =
                    if is_wav { STANDARD.decode(recording.as_bytes()).unwrap_or_default() } else { Vec::new() };
                Ok(sound::seconds(&recording).unwrap_or(1).max(1))
            }
        }
    }
}

/// What is counted by the unit and by nothing else.
const fn by_unit(units: u64) -> Bound {
    Bound { input: 0, output: Output::None, choices: 1, units }
}

/// How many images the parameters ask for.
fn images(parameters: &Inputs<'_>) -> Result<u64, DecodeError> {
    let Some((name, asked)) = ["num_images", "num_images_per_prompt", "n"]
        .into_iter()
        .find_map(|name| parameters.get(name).map(|asked| (name, asked)))
    else {
        return Ok(1);
    };
    let count = asked.parse::<u64>().ok().filter(|count| (1..=MAX_IMAGES).contains(count));
    count
        .ok_or_else(|| DecodeError::new(format!("\"parameters.{name}\" must be a whole number from 1 to {MAX_IMAGES}")))
}

fn model_in_query(query: Option<&str>) -> Option<Cow<'_, str>> {
    let mut pairs = url::form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(name, _)| name == "model").map(|(_, model)| model)
}

/// Whether the caller says that the body is JSON, or says nothing.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).map_or(&b""[..], |given| given.as_bytes());
    let essence = given.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    essence.is_empty() || essence == b"application/json" || essence == b"text/json" || essence.ends_with(b"+json")
}

#[cfg(test)]
mod tests {
    use super::super::sound::tests::wav;
    use super::*;

    fn decode(task: &'static Task, query: Option<&str>, kind: &str, body: impl Into<Bytes>) -> Result<Call, String> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
        task.decode(&Asked { model: None, query, headers: &headers }, body.into()).map_err(|error| error.to_string())
    }

    fn units(task: &'static Task, body: &str) -> Result<u64, String> {
        decode(task, None, "application/json", body.to_owned()).map(|call| {
            assert_eq!((call.bound.input, call.bound.output), (0, Output::None));
            call.bound.units
        })
    }

    #[test]
    fn tasks_are_counted_by_the_unit() {
        assert_eq!(units(&FEATURE_EXTRACTION, r#"{"model":"m","inputs":"a"}"#), Ok(1));
        assert_eq!(units(&FEATURE_EXTRACTION, r#"{"model":"m","inputs":["a","b","c"]}"#), Ok(3));
        assert_eq!(units(&TEXT_TO_IMAGE, r#"{"model":"m","inputs":"a"}"#), Ok(1));
        assert_eq!(units(&TEXT_TO_IMAGE, r#"{"model":"m","inputs":"a","parameters":{"num_images":4}}"#), Ok(4));
        assert_eq!(units(&TEXT_TO_VIDEO, r#"{"model":"m","inputs":"a"}"#), Ok(1));
        let recording = STANDARD.encode(wav(40_000));
        assert_eq!(units(&SPEECH_TO_TEXT, &format!(r#"{{"model":"m","inputs":"{recording}"}}"#)), Ok(3));
        assert_eq!(units(&SPEECH_TO_TEXT, r#"{"model":"m","inputs":"SUQzBAAA"}"#), Ok(1));
    }

    #[test]
    fn a_recording_may_be_the_body_and_the_query_names_its_model() {
        let call = decode(&SPEECH_TO_TEXT, Some("x=y&model=my%20model"), "audio/wav", wav(40_000)).unwrap();
        assert_eq!((call.model.as_str(), call.bound.units), ("my model", 3));
        assert_eq!(call.body_bytes() as usize, wav(40_000).len());
        let call =
            decode(&SPEECH_TO_TEXT, Some("model=m"), "application/json", r#"{"inputs":"https://x/a.mp3"}"#).unwrap();
        assert_eq!(call.model, "m");
    }

    #[test]
    fn mistakes_are_named() {
        let json = "application/json";
        for (task, query, kind, body, expected) in [
            (&SPEECH_TO_TEXT, None, "audio/wav", "RIFF", "add \"?model=…\""),
            (&SPEECH_TO_TEXT, Some("model=m"), "audio/wav", "", "the body is empty"),
            (&TEXT_TO_IMAGE, None, json, r#"{"inputs":"x"}"#, "\"model\" is missing"),
            (&TEXT_TO_IMAGE, None, json, r#"{"model":"m"}"#, "\"inputs\" is missing"),
            (&TEXT_TO_IMAGE, None, json, r#"{"model":"m","inputs":["x"]}"#, "\"inputs\" must be a string"),
            (&TEXT_TO_IMAGE, None, json, r#"{"model":"m","inputs":"x","parameters":7}"#, "\"parameters\" must be"),
            (
                &TEXT_TO_IMAGE,
                None,
                json,
                r#"{"model":"m","inputs":"x","parameters":{"n":0}}"#,
                "\"parameters.n\" must be",
            ),
            (&TEXT_TO_VIDEO, None, json, r#"{"model":"m","inputs":"x","async":true}"#, "\"async\" is not taken"),
        ] {
            let error = decode(task, query, kind, body).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }
}
