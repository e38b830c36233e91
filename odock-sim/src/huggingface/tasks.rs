//! Tasks of one model: vectors, images, films, speech and text.

use serde_json::{Value, json};

use crate::{
    Script,
    answer::{Operation, Reply},
    media, openai,
    request::{Asked, Inbound},
};

/// Numbers of a vector.
const DIMENSIONS: u64 = 8;

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    FeatureExtraction,
    TextToImage,
    TextToVideo,
    SpeechToText,
    TextGeneration,
}

/// Parts of the names of models that say what they do.
const HINTS: &[(&str, Task)] = &[
    ("whisper", Task::SpeechToText),
    ("wav2vec", Task::SpeechToText),
    ("speech", Task::SpeechToText),
    ("wizper", Task::SpeechToText),
    ("video", Task::TextToVideo),
    ("ltx", Task::TextToVideo),
    ("wan2", Task::TextToVideo),
    ("flux", Task::TextToImage),
    ("diffusion", Task::TextToImage),
    ("image", Task::TextToImage),
    ("bge", Task::FeatureExtraction),
    ("e5", Task::FeatureExtraction),
    ("embed", Task::FeatureExtraction),
    ("minilm", Task::FeatureExtraction),
    ("sentence", Task::FeatureExtraction),
];

impl Task {
    /// The task of a pipeline's name.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "feature-extraction" => Self::FeatureExtraction,
            "text-to-image" => Self::TextToImage,
            "text-to-video" => Self::TextToVideo,
            "automatic-speech-recognition" | "speech-to-text" => Self::SpeechToText,
            "text-generation" => Self::TextGeneration,
            _ => return None,
        })
    }

    /// The task that a model's name hints at.
    pub(super) fn of_model(model: &str) -> Option<Self> {
        let model = model.to_ascii_lowercase();
        HINTS.iter().find(|(hint, _)| model.contains(hint)).map(|(_, task)| *task)
    }

    /// The task of a request: what its model does, else what it asks for.
    fn of(inbound: &Inbound<'_>, model: &str) -> Self {
        let header = |name: &str| inbound.header(name).unwrap_or_default();
        let asked = || match (header("accept"), header("content-type")) {
            (accept, _) if accept.starts_with("image/") => Self::TextToImage,
            (accept, _) if accept.starts_with("video/") => Self::TextToVideo,
            (_, kind) if kind.starts_with("audio/") || kind == "application/octet-stream" => Self::SpeechToText,
            _ => Self::TextGeneration,
        };
        Self::of_model(model).unwrap_or_else(asked)
    }
}

/// The model of a path, and the task where the path names it: `…/models/{model}[/pipeline/{task}]` or
/// `…/pipeline/{task}/{model}`.
pub(super) fn called(route: &str) -> Option<(&str, Option<Task>)> {
    if let Some((_, rest)) = route.split_once("/models/") {
        return match rest.split_once("/pipeline/") {
            Some((model, task)) => Some((model, Some(Task::named(task)?))),
            None => Some((rest, None)),
        };
    }
    let (_, rest) = route.split_once("/pipeline/")?;
    let (task, model) = rest.split_once('/').unwrap_or((rest, ""));
    Some((model, Some(Task::named(task)?)))
}

/// Reads a request to a model.
pub(super) fn ask<'a>(inbound: &Inbound<'a>, model: &'a str, task: Option<Task>) -> Asked<'a> {
    let task = task.unwrap_or_else(|| Task::of(inbound, model));
    Asked::new(Some(model.into()), operation(inbound, task))
}

fn operation<'a>(inbound: &Inbound<'a>, task: Task) -> Result<Operation<'a>, String> {
    let raw = !inbound.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if task == Task::SpeechToText && raw {
        return if inbound.body.is_empty() { Err("Audio is missing.".to_owned()) } else { Ok(Box::new(heard)) };
    }
    let inputs = inbound.object()?.required("inputs")?.clone();
    Ok(match task {
        Task::FeatureExtraction => {
            let vectors = vectors(&inputs).to_string();
            Box::new(move |_| Reply::json(vectors.clone()))
        }
        Task::TextToImage => Box::new(|script| binary(media::image(script))),
        Task::TextToVideo => Box::new(|script| binary(media::video(script))),
        Task::SpeechToText => Box::new(heard),
        Task::TextGeneration => Box::new(|script| Reply::json(json!([{"generated_text": script.text}]).to_string())),
    })
}

fn heard(script: &Script) -> Reply {
    Reply::json(json!({"text": script.text}).to_string())
}

fn binary(made: crate::Payload) -> Reply {
    Reply::whole(made.content_type, made.bytes)
}

/// One vector for a text, a list of them for a list.
fn vectors(inputs: &Value) -> Value {
    match inputs {
        Value::Array(items) => items.iter().map(vectors).collect(),
        Value::String(text) => json!(openai::vector(text, DIMENSIONS)),
        other => json!(openai::vector(&other.to_string(), DIMENSIONS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_models_and_tasks() {
        assert_eq!(called("/hf-inference/models/a/b"), Some(("a/b", None)));
        let vectors = Some(("a/b", Some(Task::FeatureExtraction)));
        assert_eq!(called("/hf-inference/models/a/b/pipeline/feature-extraction"), vectors);
        assert_eq!(called("/pipeline/feature-extraction/a/b"), vectors);
        assert_eq!(called("/models/a/pipeline/unheard-of"), None);
        assert_eq!(called("/v1/unknown"), None);
    }

    #[test]
    fn lists_of_texts_have_lists_of_vectors() {
        let two = vectors(&json!(["a", "b"]));
        assert_eq!((two.as_array().unwrap().len(), two[0].as_array().unwrap().len()), (2, 8));
        assert_eq!(vectors(&json!("a")), two[0]);
    }
}
