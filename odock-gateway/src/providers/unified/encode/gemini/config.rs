//! `generationConfig`.

use serde::Serialize;
use serde_json::Number;

use super::super::super::json::Node;
use super::super::super::loss::Loss;
use super::super::super::request::{Format, Options, described};
use super::super::Target;
use super::thinking::{ThinkingConfig, thinking};

/// The most stop sequences that Gemini takes.
const MOST_STOPS: usize = 5;

#[derive(Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<&'a Number>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    response_logprobs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<Node<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<ThinkingConfig>,
}

impl Config<'_> {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

pub(super) fn config<'r>(options: &'r Options<'_>, target: Target<'_>, loss: &mut Loss) -> Config<'r> {
    let (response_mime_type, response_json_schema) = format(options, loss);
    Config {
        max_output_tokens: target.cap.or(options.output_cap),
        temperature: options.temperature.as_ref(),
        top_p: options.top_p.as_ref(),
        top_k: options.top_k,
        stop_sequences: stop_sequences(options, loss),
        candidate_count: (options.choices > 1).then_some(options.choices),
        seed: options.seed.as_ref(),
        presence_penalty: options.presence_penalty.as_ref(),
        frequency_penalty: options.frequency_penalty.as_ref(),
        response_logprobs: options.logprobs,
        logprobs: options.top_logprobs,
        response_mime_type,
        response_json_schema,
        thinking_config: thinking(options, target.slug, loss),
    }
}

fn stop_sequences<'r>(options: &'r Options<'_>, loss: &mut Loss) -> Vec<&'r str> {
    for index in MOST_STOPS..options.stop.len() {
        loss.cannot(format_args!("stop[{index}]"), format!("Gemini takes {MOST_STOPS} stop sequences at the most"));
    }
    options.stop.iter().take(MOST_STOPS).map(AsRef::as_ref).collect()
}

fn format<'r>(options: &'r Options<'_>, loss: &mut Loss) -> (Option<&'static str>, Option<Node<'r>>) {
    let json = Some("application/json");
    match &options.format {
        None => (None, None),
        Some(Format::Json | Format::Schema { schema: None, .. }) => (json, None),
        Some(Format::Schema { schema: Some(schema), description }) => match described(schema, description.as_deref()) {
            Ok(schema) => (json, Some(schema)),
            Err(schema) => {
                loss.cannot("response_format.json_schema.description", "the schema has a description of its own");
                (json, Some(schema))
            }
        },
        Some(Format::Other) => {
            loss.cannot("response_format", "Gemini has no format of this type");
            (None, None)
        }
    }
}
