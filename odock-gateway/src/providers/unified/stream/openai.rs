//! Chunks of OpenAI's language, Mistral's included.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::answer::openai::{arguments, chunk};
use super::super::language::Language;
use super::super::said::Said;
use super::super::stop::StopReason;
use super::Translate;
use super::emit::Emitter;
use crate::providers::openai::usage::normalise;

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    logprobs: Option<Value>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    refusal: Option<Value>,
    #[serde(default)]
    reasoning_content: Option<Value>,
    #[serde(default)]
    reasoning: Option<Value>,
    #[serde(default)]
    function_call: Option<Value>,
    #[serde(default)]
    tool_calls: Option<Vec<Call>>,
    /// What OpenAI's models say beyond words: sound, references.
    #[serde(default)]
    audio: Option<Value>,
    #[serde(default)]
    annotations: Option<Value>,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<Function>,
    #[serde(default)]
    extra_content: Option<Value>,
}

#[derive(Deserialize)]
struct Function {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<Value>,
}

#[derive(Debug)]
pub(super) struct OpenAi {
    language: Language,
    /// Where a call of the upstream stands among those of the caller, by choice and the upstream's number.
    calls: HashMap<(u64, u64), u64>,
    /// What a choice has thought since it last signed its thoughts. Mistral alone does.
    thoughts: HashMap<u64, String>,
}

impl OpenAi {
    pub(super) fn new(language: Language) -> Self {
        Self { language, calls: HashMap::new(), thoughts: HashMap::new() }
    }

    fn delta(&mut self, choice: u64, delta: Delta, to: &mut Emitter<'_>) {
        to.begin(choice);
        // Two names for the same thing; some servers give both.
        let thoughts = delta.reasoning_content.as_ref().and_then(Value::as_str);
        if let Some(text) = thoughts.or_else(|| delta.reasoning.as_ref().and_then(Value::as_str)) {
            to.reasoning(choice, text);
        }
        match delta.content {
            Some(Value::String(text)) => to.text(choice, &text),
            Some(Value::Array(chunks)) => chunks.into_iter().for_each(|chunk| self.chunk(choice, chunk, to)),
            _ => {}
        }
        if let Some(text) = delta.refusal.as_ref().and_then(Value::as_str) {
            to.refusal(choice, text);
        }
        if let Some(call) = delta.function_call.filter(|call| !call.is_null()) {
            to.function_call(choice, &call);
        }
        for (place, call) in delta.tool_calls.into_iter().flatten().enumerate() {
            self.call(choice, place, call, to);
        }
        for (name, said) in [("audio", delta.audio), ("annotations", delta.annotations)] {
            if let Some(said) = said.filter(|said| !said.is_null()) {
                let block = Value::from_iter([(name, said)]);
                to.block(choice, &Said::Native { family: self.language.name(), block });
            }
        }
    }

    /// A chunk of Mistral's content.
    fn chunk(&mut self, choice: u64, given: Value, to: &mut Emitter<'_>) {
        match chunk(given, self.language) {
            Some(Said::Text { text, .. }) => to.text(choice, &text),
            Some(Said::Reasoning { family, text, signature, redacted }) => {
                let (text, thoughts) = (text.unwrap_or_default(), self.thoughts.entry(choice).or_default());
                to.reasoning(choice, &text);
                thoughts.push_str(&text);
                if signature.is_some() {
                    let text = Some(std::mem::take(thoughts));
                    to.block(choice, &Said::Reasoning { family, text, signature, redacted });
                }
            }
            Some(said) => to.block(choice, &said),
            None => {}
        }
    }

    fn call(&mut self, choice: u64, place: usize, call: Call, to: &mut Emitter<'_>) {
        let (name, given) = call.function.map_or((None, None), |function| (function.name, function.arguments));
        let number = call.index.unwrap_or(place as u64);
        let text = given.filter(|given| !given.is_null()).map(arguments).unwrap_or_default();
        let known = self.calls.get(&(choice, number)).copied();
        match (known, name.filter(|name| !name.is_empty())) {
            // Some servers repeat the name with every piece of the arguments; a new call has a new id.
            (Some(index), None) => to.arguments(choice, index, &text),
            (Some(index), Some(_)) if call.id.is_none() => to.arguments(choice, index, &text),
            (_, name) => {
                let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{choice}_{number}"));
                let signature = call.extra_content.as_ref();
                let signature = signature.and_then(|extra| extra["google"]["thought_signature"].as_str());
                let index = to.call(choice, &id, name.as_deref().unwrap_or_default(), &text, signature);
                self.calls.insert((choice, number), index);
            }
        }
    }
}

impl Translate for OpenAi {
    fn event(&mut self, data: &[u8], to: &mut Emitter<'_>) {
        if data == b"[DONE]" {
            return to.done();
        }
        let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(data) else { return to.unreadable() };
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return to.failed(&error);
        }
        if let Some(id) = chunk.id {
            to.named(id);
        }
        for choice in chunk.choices.into_iter().flatten() {
            if let Some(delta) = choice.delta {
                self.delta(choice.index, delta, to);
            }
            if let Some(logprobs) = choice.logprobs.filter(|logprobs| !logprobs.is_null()) {
                to.logprobs(choice.index, logprobs);
            }
            if let Some(reason) = choice.finish_reason {
                to.stop(choice.index, StopReason::of_openai(&reason));
            }
        }
        if let Some(reported) = chunk.usage.and_then(|usage| normalise(usage.get())) {
            to.counted(reported, true);
        }
    }

    fn end(&mut self, to: &mut Emitter<'_>) {
        // Some servers leave [DONE] out.
        if to.seen.finished {
            to.done();
        }
    }
}
