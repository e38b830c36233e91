//! What comes of a task. An image or a film goes to the caller in an envelope: `{"data": "<base64>", "content_type": …}`, or
//! `{"url": …, "content_type": …}` where the provider keeps it. Of several images, the first stands at the top and all of them
//! in `images`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use entity::usage::TokenUsage;
use serde_json::{Map, Value, json};

use super::task::Task;
use crate::providers::operation::{Answer, BoxError};
use crate::providers::usage::Reported;

/// Reads the answer to a task that was to come to so many units.
///
/// # Errors
/// When it is not what the task makes.
pub(super) fn read(task: Task, units: u64, body: Bytes) -> Result<Answer, BoxError> {
    let is_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    match task {
        Task::FeatureExtraction | Task::SpeechToText => {
            serde_json::from_slice::<serde::de::IgnoredAny>(&body)?;
            Ok(answer(body, units))
        }
        Task::TextToImage | Task::TextToVideo if is_json => {
            let made = results(&serde_json::from_slice(&body)?)?;
            let units = made.len() as u64;
            Ok(answer(enveloped(made), units))
        }
        Task::TextToImage | Task::TextToVideo => {
            let content_type = content_type(&body).ok_or("the answer is neither an image nor a film")?;
            // Not by way of a `Value`: a film may be large.
            let data = STANDARD.encode(&body);
            Ok(answer(format!("{{\"data\":\"{data}\",\"content_type\":\"{content_type}\"}}").into(), units))
        }
    }
}

fn answer(body: Bytes, units: u64) -> Answer {
    let tokens = TokenUsage { units, ..TokenUsage::default() };
    Answer { body, reported: Some(Reported { tokens, raw: None }), content_bytes: 0 }
}

fn enveloped(mut made: Vec<Map<String, Value>>) -> Bytes {
    let all = (made.len() > 1).then(|| json!(made));
    let mut first = made.swap_remove(0);
    first.extend(all.map(|all| ("images".to_owned(), all)));
    Value::Object(first).to_string().into()
}

/// The images or the film that an answer holds or links to: fal's `images` and `video`, OpenAI's `data`.
fn results(answer: &Value) -> Result<Vec<Map<String, Value>>, BoxError> {
    let several = ["images", "data"].into_iter().find_map(|name| answer.get(name)).and_then(Value::as_array);
    let results = match (several, answer.get("video")) {
        (Some(results), _) => results.iter().map(result).collect::<Option<Vec<_>>>(),
        (None, Some(film)) => result(film).map(|film| vec![film]),
        (None, None) => None,
    };
    results.filter(|results| !results.is_empty()).ok_or_else(|| "the answer holds no image and no film".into())
}

fn result(value: &Value) -> Option<Map<String, Value>> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let said = text("content_type");
    let (name, content, kind) = if let Some(data) = text("b64_json").or_else(|| text("base64")) {
        ("data", data, said.or_else(|| content_type_of_base64(data)))
    } else {
        let url = value.as_str().or_else(|| text("url"))?;
        match url.strip_prefix("data:").and_then(|data| data.split_once(";base64,")) {
            Some((kind, data)) => ("data", data, Some(kind)),
            None => ("url", url, said),
        }
    };
    let mut result = Map::new();
    result.insert(name.to_owned(), content.into());
    result.insert("content_type".to_owned(), kind.unwrap_or("application/octet-stream").into());
    Some(result)
}

fn content_type_of_base64(data: &str) -> Option<&'static str> {
    // What tells is within the first bytes; a multiple of four characters is whole bytes.
    let head = data.get(..data.len().min(32) / 4 * 4)?;
    content_type(&STANDARD.decode(head).ok()?)
}

/// What a file is, by how it begins.
fn content_type(file: &[u8]) -> Option<&'static str> {
    Some(match file {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f', ..] => "image/avif",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "video/mp4",
        [0x1a, 0x45, 0xdf, 0xa3, ..] => "video/webm",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    fn body(task: Task, units: u64, given: impl Into<Bytes>) -> Result<(Value, u64), String> {
        let answer = read(task, units, given.into()).map_err(|error| error.to_string())?;
        Ok((serde_json::from_slice(&answer.body).unwrap(), answer.reported.unwrap().tokens.units))
    }

    #[test]
    fn what_is_no_text_comes_in_an_envelope() {
        let (envelope, units) = body(Task::TextToImage, 1, PNG).unwrap();
        assert_eq!(STANDARD.decode(envelope["data"].as_str().unwrap()).unwrap(), PNG);
        assert_eq!((envelope["content_type"].as_str(), units), (Some("image/png"), 1));
        let (film, _) = body(Task::TextToVideo, 1, &b"\0\0\0\x18ftypisom\0\0"[..]).unwrap();
        assert_eq!(film["content_type"], "video/mp4");
    }

    #[test]
    fn answers_of_every_provider_have_one_form() {
        let data = STANDARD.encode(PNG);
        let data_url = format!("data:image/png;base64,{data}");
        for given in [json!({"images": [{"url": data_url}]}), json!({"data": [{"b64_json": data}]})] {
            let (envelope, units) = body(Task::TextToImage, 9, given.to_string()).unwrap();
            assert_eq!((envelope, units), (json!({"data": data, "content_type": "image/png"}), 1));
        }
        let linked = json!({"video": {"url": "https://x/a.mp4", "content_type": "video/mp4"}, "seed": 1});
        let (envelope, _) = body(Task::TextToVideo, 1, linked.to_string()).unwrap();
        assert_eq!(envelope, json!({"url": "https://x/a.mp4", "content_type": "video/mp4"}));
        let two = json!({"images": [{"url": "https://x/1", "content_type": "image/png"}, {"url": "https://x/2"}]});
        let (envelope, units) = body(Task::TextToImage, 2, two.to_string()).unwrap();
        assert_eq!(
            (envelope["url"].as_str(), envelope["images"].as_array().map(Vec::len), units),
            (Some("https://x/1"), Some(2), 2)
        );
        assert_eq!(envelope["images"][1]["url"], "https://x/2");
    }

    #[test]
    fn vectors_and_texts_pass_as_they_are() {
        for (task, text) in [(Task::FeatureExtraction, "[[1.0, 2e-3]]"), (Task::SpeechToText, r#"{"text":"hi"}"#)] {
            let answer = read(task, 3, Bytes::from_static(text.as_bytes())).unwrap();
            assert_eq!((&answer.body[..], answer.reported.unwrap().tokens.units), (text.as_bytes(), 3));
        }
    }

    #[test]
    fn nonsense_is_no_answer() {
        for (task, given) in [
            (Task::FeatureExtraction, "<html>"),
            (Task::SpeechToText, ""),
            (Task::TextToImage, "oops"),
            (Task::TextToImage, ""),
            (Task::TextToImage, "{}"),
            (Task::TextToImage, r#"{"images":[]}"#),
            (Task::TextToImage, r#"{"images":[{}]}"#),
            (Task::TextToVideo, "{oops"),
        ] {
            assert!(body(task, 1, given).is_err(), "{given}");
        }
    }
}
