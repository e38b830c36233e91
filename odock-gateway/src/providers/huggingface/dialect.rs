//! A task in the words of the provider that does it, as Hugging Face's own clients speak to each through the router.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Uri};
use serde_json::Value;

use super::backend::Backend;
use super::inputs::Inputs;
use super::task::Task;
use crate::providers::call::{Call, DecodeError, Outgoing, Payload};
use crate::providers::operation::Place;

/// How a provider wants to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    /// Hugging Face's own: `{"inputs": …, "parameters": {…}}`, at the model.
    Own,
    /// fal's: `{"prompt": …}` with the parameters beside it, at the model.
    Fal,
    /// OpenAI's images, which the named field asks for in base64.
    Images(&'static str),
}

/// The words of a provider for a task; `None` if it does not do it in words that are known.
fn words(task: Task, provider: &str) -> Option<Words> {
    Some(match (provider, task) {
        ("hf-inference", _) => Words::Own,
        ("fal-ai", Task::TextToImage | Task::TextToVideo | Task::SpeechToText) => Words::Fal,
        ("together", Task::TextToImage) => Words::Images("base64"),
        ("nebius" | "nscale", Task::TextToImage) => Words::Images("b64_json"),
        _ => return None,
    })
}

/// Where a provider does a task.
pub(super) fn uri(task: Task, backend: &Backend<'_>, place: &Place<'_>) -> Option<Uri> {
    let (provider, model) = (backend.doer(), backend.model);
    let path = match words(task, provider) {
        // Models of this task may have others too.
        Some(Words::Own) if task == Task::FeatureExtraction => {
            format!("{provider}/models/{model}/pipeline/feature-extraction")
        }
        Some(Words::Own) => format!("{provider}/models/{model}"),
        Some(Words::Images(_)) => format!("{provider}/v1/images/generations"),
        // What cannot be asked is refused when it is written.
        Some(Words::Fal) | None => format!("{provider}/{model}"),
    };
    place.address.beside_version(&path)
}

/// What goes to a provider.
pub(super) fn encode(
    task: Task,
    call: &Call,
    backend: &Backend<'_>,
    place: &Place<'_>,
) -> Result<Outgoing, DecodeError> {
    let words = words(task, backend.doer()).ok_or_else(|| {
        let message = format!("the inference provider {} does not do this task through this route", backend.doer());
        DecodeError::new(message)
    })?;
    let uri = uri(task, backend, place);
    if let (Words::Own, Payload::Raw(recording)) = (words, &call.payload) {
        return Ok(Outgoing { uri, ..Outgoing::as_sent([recording.clone()]) });
    }
    let fields = match (words, &call.payload) {
        (Words::Fal, Payload::Raw(recording)) => audio_url(&data_url(recording), &Inputs::default()),
        (Words::Own, _) => Inputs::read(call.json_body()?.bytes())?.without(&["model", "async", "task"]).written(),
        (Words::Fal, _) => fal(task, &Inputs::read(call.json_body()?.bytes())?)?,
        (Words::Images(format), _) => images(format, backend.model, &Inputs::read(call.json_body()?.bytes())?)?,
    };
    let body = [Bytes::from(format!("{{{fields}}}"))];
    let content_type = Some(HeaderValue::from_static("application/json"));
    Ok(Outgoing { uri, content_type, ..Outgoing::as_sent(body) })
}

/// A task in fal's words.
fn fal(task: Task, inputs: &Inputs<'_>) -> Result<String, DecodeError> {
    let text = inputs.text("inputs")?;
    let parameters = inputs.parameters()?;
    if task == Task::SpeechToText {
        let is_url = ["http://", "https://", "data:"].iter().any(|scheme| text.starts_with(scheme));
        let url = if is_url { text.into_owned() } else { format!("data:audio/mpeg;base64,{text}") };
        return Ok(audio_url(&url, &parameters));
    }
    let mut fields = vec![format!("\"prompt\":{}", Value::from(text.as_ref()))];
    if let (Some(width), Some(height)) = (parameters.get("width"), parameters.get("height")) {
        fields.push(format!("\"image_size\":{{\"width\":{width},\"height\":{height}}}"));
    }
    if task == Task::TextToImage {
        // The image comes with the answer, not as a link.
        fields.push("\"sync_mode\":true".into());
    }
    Ok(joined(fields, parameters.without(&["width", "height", "sync_mode", "prompt"])))
}

fn audio_url(url: &str, parameters: &Inputs<'_>) -> String {
    let url = format!("\"audio_url\":{}", Value::from(url));
    if parameters.written().is_empty() { url } else { format!("{url},{}", parameters.written()) }
}

/// A recording as a URL that holds it. fal finds out what it is by itself.
fn data_url(recording: &[u8]) -> String {
    format!("data:audio/mpeg;base64,{}", STANDARD.encode(recording))
}

/// An image in OpenAI's words.
fn images(format: &str, model: &str, inputs: &Inputs<'_>) -> Result<String, DecodeError> {
    let fields = vec![
        format!("\"prompt\":{}", Value::from(inputs.text("inputs")?.as_ref())),
        format!("\"model\":{}", Value::from(model)),
        format!("\"response_format\":\"{format}\""),
    ];
    Ok(joined(fields, inputs.parameters()?.without(&["prompt", "model", "response_format"])))
}

fn joined(mut fields: Vec<String>, parameters: Inputs<'_>) -> String {
    fields.extend(Some(parameters.written()).filter(|written| !written.is_empty()));
    fields.join(",")
}

#[cfg(test)]
mod tests {
    use entity::vocab::ProviderType;
    use http::HeaderMap;
    use http::header::CONTENT_TYPE;

    use super::super::task::{FEATURE_EXTRACTION, SPEECH_TO_TEXT, TEXT_TO_IMAGE, TEXT_TO_VIDEO};
    use super::*;
    use crate::providers::call::Asked;
    use crate::providers::operation::Operation;
    use crate::providers::testing::Upstream;
    use crate::spool::Piece;

    fn sent(task: &'static Task, slug: &str, kind: &str, body: &str) -> Result<(String, String), String> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
        let asked = Asked { model: None, query: Some("model=m"), headers: &headers };
        let call = task.decode(&asked, Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let upstream = Upstream::at("https://router/v1");
        let place = upstream.place(ProviderType::HuggingFace, slug);
        let outgoing = task.encode(&call, &place).map_err(|error| error.to_string())?;
        let body =
            String::from_utf8(outgoing.body.into_iter().filter_map(Piece::in_memory).flatten().collect()).unwrap();
        Ok((outgoing.uri.unwrap().to_string(), body))
    }

    #[test]
    fn hugging_faces_own_inference_gets_what_came() {
        let body = r#"{"model":"m", "inputs":"caf\u00e9","parameters":{"seed":1.0},"x":null}"#;
        let rest = r#"{"inputs":"caf\u00e9","parameters":{"seed":1.0},"x":null}"#.to_owned();
        let json = "application/json";
        assert_eq!(
            sent(&FEATURE_EXTRACTION, "intfloat/e5", json, body).unwrap(),
            ("https://router/hf-inference/models/intfloat/e5/pipeline/feature-extraction".into(), rest.clone())
        );
        for slug in ["bfl/flux", "bfl/flux:hf-inference"] {
            let url = "https://router/hf-inference/models/bfl/flux".to_owned();
            assert_eq!(sent(&TEXT_TO_IMAGE, slug, json, body).unwrap(), (url, rest.clone()));
        }
        assert_eq!(sent(&SPEECH_TO_TEXT, "openai/whisper", "audio/flac", "fLaC").unwrap().1, "fLaC");
    }

    #[test]
    fn others_are_asked_in_their_own_words() {
        let json = "application/json";
        let body = r#"{"inputs":"a cat","parameters":{"width":64,"height":32,"seed":1.0}}"#;
        assert_eq!(
            sent(&TEXT_TO_IMAGE, "fal-ai/flux/dev:fal-ai", json, body).unwrap(),
            (
                "https://router/fal-ai/fal-ai/flux/dev".into(),
                r#"{"prompt":"a cat","image_size":{"width":64,"height":32},"sync_mode":true,"seed":1.0}"#.into()
            )
        );
        assert_eq!(
            sent(&TEXT_TO_VIDEO, "fal-ai/ltx:fal-ai", json, r#"{"inputs":"a cat"}"#).unwrap().1,
            r#"{"prompt":"a cat"}"#
        );
        assert_eq!(
            sent(&TEXT_TO_IMAGE, "bfl/flux:together", json, body).unwrap(),
            (
                "https://router/together/v1/images/generations".into(),
                r#"{"prompt":"a cat","model":"bfl/flux","response_format":"base64","width":64,"height":32,"seed":1.0}"#
                    .into()
            )
        );
        for (kind, body) in [("audio/mpeg", "ID3"), (json, r#"{"inputs":"SUQz"}"#)] {
            assert_eq!(
                sent(&SPEECH_TO_TEXT, "fal-ai/whisper:fal-ai", kind, body).unwrap().1,
                r#"{"audio_url":"data:audio/mpeg;base64,SUQz"}"#
            );
        }
        let url = sent(
            &SPEECH_TO_TEXT,
            "w:fal-ai",
            json,
            r#"{"inputs":"https://x/a.mp3","parameters":{"task":"translate"}}"#,
        );
        assert_eq!(url.unwrap().1, r#"{"audio_url":"https://x/a.mp3","task":"translate"}"#);
    }

    #[test]
    fn a_provider_that_does_no_such_task_is_named() {
        let refused = sent(&FEATURE_EXTRACTION, "a/b:groq", "application/json", r#"{"inputs":"x"}"#).unwrap_err();
        assert!(refused.contains("groq"), "{refused}");
    }
}
