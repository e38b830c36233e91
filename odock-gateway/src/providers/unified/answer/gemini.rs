//! Answers of Gemini's, whole or a chunk at a time: both have the same shape.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::language::Language;
use super::super::said::{Called, Said};
use super::super::stop::StopReason;
use super::{Answer, AnswerError, Choice};
use crate::providers::gemini::usage::normalise;

/// `GenerateContentResponse`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Body<'a> {
    #[serde(default)]
    pub(in super::super) response_id: Option<String>,
    #[serde(default, borrow)]
    pub(in super::super) candidates: Option<Vec<Candidate<'a>>>,
    #[serde(default)]
    prompt_feedback: Option<Feedback>,
    #[serde(default, borrow)]
    pub(in super::super) usage_metadata: Option<&'a RawValue>,
    #[serde(default)]
    pub(in super::super) error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    #[serde(default)]
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Candidate<'a> {
    #[serde(default)]
    pub(in super::super) index: Option<u64>,
    #[serde(default, borrow)]
    content: Option<Content<'a>>,
    #[serde(default)]
    pub(in super::super) finish_reason: Option<String>,
    #[serde(default)]
    logprobs_result: Option<Logprobs>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(default, borrow)]
    parts: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thought: Option<bool>,
    #[serde(default)]
    thought_signature: Option<String>,
    #[serde(default, borrow)]
    function_call: Option<FunctionCall<'a>>,
}

#[derive(Deserialize)]
struct FunctionCall<'a> {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default, borrow)]
    args: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Logprobs {
    #[serde(default)]
    chosen_candidates: Vec<Token>,
    #[serde(default)]
    top_candidates: Vec<Top>,
}

#[derive(Deserialize)]
struct Top {
    #[serde(default)]
    candidates: Vec<Token>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    log_probability: f64,
}

pub(super) fn decode(body: &[u8]) -> Result<Answer, AnswerError> {
    let body: Body<'_> = serde_json::from_slice(body)
        .map_err(|error| AnswerError::new(format!("not an answer of Gemini's: {error}")))?;
    let reported = body.usage_metadata.and_then(|usage| normalise(usage.get()));
    let blocked = body.is_blocked();
    let mut names = Names::new(body.response_id.as_deref());
    let mut choices: Vec<Choice> =
        body.candidates.into_iter().flatten().map(|candidate| choice(candidate, &mut names)).collect();
    if choices.is_empty() {
        if !blocked {
            return Err(AnswerError::new("the answer has no candidates"));
        }
        let stop = StopReason::ContentFilter;
        choices.push(Choice { blocks: Vec::new(), stop, stop_sequence: None, logprobs: None });
    }
    Ok(Answer::new(body.response_id, choices, reported))
}

impl Body<'_> {
    /// Whether the prompt was refused, so that there is no answer to come.
    pub(in super::super) fn is_blocked(&self) -> bool {
        self.prompt_feedback.as_ref().is_some_and(|feedback| feedback.block_reason.is_some())
    }
}

fn choice(candidate: Candidate<'_>, names: &mut Names) -> Choice {
    let logprobs = candidate.logprobs();
    let finish_reason = candidate.finish_reason.clone();
    let blocks = merged(candidate.said(names));
    let called = blocks.iter().any(|said| matches!(said, Said::ToolCall(_)));
    let stop = finish_reason.map_or(StopReason::Unknown, |reason| StopReason::of_gemini(&reason, called));
    Choice { blocks, stop, stop_sequence: None, logprobs }
}

impl Candidate<'_> {
    /// What it says, part by part.
    pub(in super::super) fn said(self, names: &mut Names) -> Vec<Said> {
        let parts = self.content.and_then(|content| content.parts).unwrap_or_default();
        parts.into_iter().filter_map(|raw| said(raw, names)).collect()
    }

    /// Its log probabilities in OpenAI's shape.
    pub(in super::super) fn logprobs(&self) -> Option<Value> {
        let given = self.logprobs_result.as_ref()?;
        let token = |token: &Token| json!({"token": token.token, "logprob": token.log_probability, "bytes": null});
        let content = given.chosen_candidates.iter().enumerate().map(|(index, chosen)| {
            let top = given.top_candidates.get(index).map_or(&[][..], |top| top.candidates.as_slice());
            let mut chosen = token(chosen);
            chosen["top_logprobs"] = top.iter().map(token).collect();
            chosen
        });
        Some(json!({"content": content.collect::<Vec<_>>(), "refusal": null}))
    }
}

fn said(raw: &RawValue, names: &mut Names) -> Option<Said> {
    let family = Language::Gemini.name();
    let native = || serde_json::from_str(raw.get()).ok().map(|block| Said::Native { family, block });
    let Ok(part) = serde_json::from_str::<Part<'_>>(raw.get()) else { return native() };
    let signature = part.thought_signature;
    if let Some(call) = part.function_call {
        let id = names.id(call.id);
        let arguments = call.args.map_or("{}", RawValue::get).to_owned();
        return Some(Said::ToolCall(Called { id, name: call.name, arguments, signature }));
    }
    let Some(text) = part.text else { return native() };
    if part.thought == Some(true) {
        return Some(Said::Reasoning { family, text: Some(text), signature, redacted: None });
    }
    if text.is_empty() && signature.is_none() {
        return None;
    }
    let family = signature.is_some().then_some(family);
    Some(Said::Text { text, signature, family })
}

/// Parts that go on with each other as one. Gemini cuts text where it likes; a signature ends a part.
fn merged(said: Vec<Said>) -> Vec<Said> {
    let mut all: Vec<Said> = Vec::with_capacity(said.len());
    for next in said {
        match (all.last_mut(), next) {
            (Some(Said::Text { text, signature: None, .. }), Said::Text { text: more, signature: None, .. }) => {
                text.push_str(&more);
            }
            (
                Some(Said::Reasoning { text: Some(text), signature: None, .. }),
                Said::Reasoning { text: Some(more), signature: None, .. },
            ) => text.push_str(&more),
            (_, next) => all.push(next),
        }
    }
    all
}

/// Ids for calls that have none, as of models before Gemini 3: the answer's own with a number, so that no two of a
/// conversation are the same.
#[derive(Debug, Default)]
pub(in super::super) struct Names {
    answer: String,
    given: u64,
}

impl Names {
    pub(in super::super) fn new(answer: Option<&str>) -> Self {
        Self { answer: answer.unwrap_or_default().to_owned(), given: 0 }
    }

    fn id(&mut self, id: Option<String>) -> String {
        let number = self.given;
        self.given += 1;
        id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{}_{number}", self.answer))
    }
}
