//! Tasks whose caller does not wait: which task a job asks for. What is asked is read as on the task's own route.

use bytes::Bytes;
use entity::usage::TokenUsage;
use http::{HeaderMap, Uri};

use super::inputs::Inputs;
use super::task::{FEATURE_EXTRACTION, SPEECH_TO_TEXT, TEXT_TO_IMAGE, TEXT_TO_VIDEO, Task, is_json};
use crate::providers::Family;
use crate::providers::call::{Asked, Call, DecodeError, Outgoing};
use crate::providers::meter::Meter;
use crate::providers::operation::{Answer, BoxError, Operation, Place, Takes};

/// A task of any kind, which its body or query names.
pub static JOB: Job = Job;

/// The tasks, by the names of their routes.
static TASKS: [(&str, &Task); 4] = [
    ("feature-extraction", &FEATURE_EXTRACTION),
    ("text-to-image", &TEXT_TO_IMAGE),
    ("text-to-video", &TEXT_TO_VIDEO),
    ("speech-to-text", &SPEECH_TO_TEXT),
];

/// A task whose caller does not wait.
#[derive(Debug)]
pub struct Job;

/// The name of a call's task, as its route spells it.
#[must_use]
pub fn task_of(call: &Call) -> &'static str {
    let named = TASKS.iter().find(|(_, task)| Operation::name(*task) == call.operation.name());
    named.map_or("task", |(name, _)| name)
}

fn task(asked: &Asked<'_>, body: &[u8]) -> Result<&'static Task, DecodeError> {
    let mut query = url::form_urlencoded::parse(asked.query.unwrap_or_default().as_bytes());
    let in_query = query.find(|(name, _)| name == "task").map(|(_, task)| task);
    let inputs = if is_json(asked.headers) { Inputs::read(body)? } else { Inputs::default() };
    let in_body = match inputs.get("task") {
        Some(_) => Some(inputs.text("task")?),
        None => None,
    };
    if let (Some(one), Some(other)) = (&in_query, &in_body)
        && one != other
    {
        return Err(DecodeError::new("the query and the body name different tasks"));
    }
    let known = || TASKS.map(|(name, _)| name).join(", ");
    let Some(name) = in_query.or(in_body) else {
        return Err(DecodeError::new(format!("\"task\" is missing: it is one of {}", known())));
    };
    let found = TASKS.iter().find(|(known, _)| *known == name);
    found.map(|(_, task)| *task).ok_or_else(|| {
        let name: String = name.chars().take(60).collect();
        DecodeError::new(format!("\"{name}\" is no task: it is one of {}", known()))
    })
}

impl Operation for Job {
    fn name(&self) -> &'static str {
        "job"
    }

    fn family(&self) -> Family {
        Family::HuggingFace
    }

    fn takes(&self) -> Takes {
        Takes::Any
    }

    fn decode(&'static self, asked: &Asked<'_>, body: Bytes) -> Result<Call, DecodeError> {
        let task = task(asked, &body)?;
        if task.takes() == Takes::Json && !is_json(asked.headers) {
            return Err(DecodeError::new("the body must be JSON: send \"Content-Type: application/json\""));
        }
        // From here on the call is one of its task.
        task.decode(asked, body)
    }

    fn uri(&self, _: &Place<'_>, _: bool) -> Option<Uri> {
        None
    }

    fn encode(&self, call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
        call.operation.encode(call, place)
    }

    fn answer(&self, call: &Call, place: &Place<'_>, body: Bytes) -> Result<Answer, BoxError> {
        call.operation.answer(call, place, body)
    }

    fn estimated(&self, _: u64, _: u64) -> TokenUsage {
        TokenUsage::default()
    }

    fn meter(&self, _: &Call, _: &Place<'_>, _: &HeaderMap) -> Option<Box<dyn Meter>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;

    use super::*;

    fn read(query: Option<&str>, kind: &str, body: &'static str) -> Result<(&'static str, String), String> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
        let asked = Asked { model: None, query, headers: &headers };
        let call = JOB.decode(&asked, Bytes::from_static(body.as_bytes())).map_err(|error| error.to_string())?;
        Ok((task_of(&call), call.model))
    }

    #[test]
    fn the_task_stands_in_the_body_or_the_query() {
        let json = "application/json";
        let film = r#"{"task":"text-to-video","model":"m","inputs":"a cat"}"#;
        assert_eq!(read(None, json, film).unwrap(), ("text-to-video", "m".into()));
        let image = r#"{"model":"m","inputs":"a cat"}"#;
        assert_eq!(read(Some("task=text-to-image"), json, image).unwrap(), ("text-to-image", "m".into()));
        let sound = read(Some("task=speech-to-text&model=ears"), "audio/flac", "fLaC");
        assert_eq!(sound.unwrap(), ("speech-to-text", "ears".into()));
    }

    #[test]
    fn mistakes_are_named() {
        let json = "application/json";
        for (query, kind, body, expected) in [
            (None, json, r#"{"model":"m","inputs":"x"}"#, "\"task\" is missing"),
            (None, json, r#"{"task":"chat","model":"m","inputs":"x"}"#, "\"chat\" is no task"),
            (None, json, r#"{"task":7,"model":"m","inputs":"x"}"#, "\"task\" must be a string"),
            (None, json, "[]", "must be a JSON object"),
            (Some("task=text-to-image"), json, r#"{"task":"text-to-video","model":"m","inputs":"x"}"#, "different"),
            (Some("task=text-to-image&model=m"), "audio/flac", "fLaC", "must be JSON"),
            (None, json, r#"{"task":"text-to-image","model":"m"}"#, "\"inputs\" is missing"),
        ] {
            let error = read(query, kind, body).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }
}
