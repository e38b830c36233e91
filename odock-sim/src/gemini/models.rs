//! The list of models, and one of them.

use http::Method;
use serde_json::{Value, json};

use super::JSON;
use crate::{
    answer::Reply,
    family::Problem,
    json::Object,
    request::{Asked, Inbound},
};

/// Models and what can be asked of them.
const MODELS: &[(&str, &[&str])] = &[
    ("gemini-2.5-flash", &["generateContent", "countTokens"]),
    ("gemini-embedding-001", &["embedContent", "countTokens"]),
];

/// Reads a request for the list or for one model, if it is one.
pub(super) fn read<'a>(inbound: &Inbound<'a>) -> Option<Result<Asked<'a>, Problem>> {
    if inbound.method != Method::GET {
        return None;
    }
    if inbound.route.ends_with("/models") {
        let list = || Object::new().with("models", known().map(|(name, verbs)| model(name, verbs)).collect::<Vec<_>>());
        return Some(Ok(Asked::plain(move |_| Reply::whole(JSON, list().into_bytes()))));
    }
    let (_, name) = inbound.route.split_once("/models/")?;
    let known = known().find(|(known, _)| *known == name);
    Some(known.map_or(Err(Problem::NoSuchRoute), |(name, verbs)| {
        Ok(Asked::plain(move |_| Reply::whole(JSON, model(name, verbs).to_string())))
    }))
}

fn known() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    let generates: &[&str] = &["generateContent", "countTokens"];
    MODELS.iter().copied().chain(crate::MODEL_NAMES.iter().map(move |(name, _)| (*name, generates)))
}

fn model(name: &str, verbs: &[&str]) -> Value {
    json!({"name": format!("models/{name}"), "version": "001", "displayName": name,
        "description": "A simulated model.", "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536,
        "supportedGenerationMethods": verbs, "temperature": 1, "topP": 0.95, "topK": 64})
}
