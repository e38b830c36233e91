//! Chunks of Gemini's `streamGenerateContent` with `alt=sse`.

use super::super::answer::gemini::{Body, Candidate, Names};
use super::super::language::Language;
use super::super::said::Said;
use super::super::stop::StopReason;
use super::Translate;
use super::emit::Emitter;
use crate::providers::gemini::usage::normalise;

#[derive(Debug, Default)]
pub(super) struct Gemini {
    names: Option<Names>,
}

impl Gemini {
    fn candidate(&mut self, candidate: Candidate<'_>, to: &mut Emitter<'_>) {
        let choice = candidate.index.unwrap_or(0);
        to.begin(choice);
        let (logprobs, reason) = (candidate.logprobs(), candidate.finish_reason.clone());
        for said in candidate.said(self.names.get_or_insert_default()) {
            say(choice, &said, to);
        }
        if let Some(logprobs) = logprobs {
            to.logprobs(choice, logprobs);
        }
        if let Some(reason) = reason {
            to.stop(choice, StopReason::of_gemini(&reason, to.has_called(choice)));
        }
    }
}

fn say(choice: u64, said: &Said, to: &mut Emitter<'_>) {
    match said {
        Said::Text { text, signature, .. } => {
            to.text(choice, text);
            if signature.is_some() {
                // The words went out as they are; the signature ends them.
                let (text, signature) = (String::new(), signature.clone());
                to.block(choice, &Said::Text { text, signature, family: Some(Language::Gemini.name()) });
            }
        }
        Said::Reasoning { text, signature, .. } => {
            to.reasoning(choice, text.as_deref().unwrap_or_default());
            if signature.is_some() {
                to.block(choice, said);
            }
        }
        Said::ToolCall(call) => {
            to.call(choice, &call.id, &call.name, &call.arguments, call.signature.as_deref());
        }
        Said::Refusal { .. } | Said::Native { .. } => to.block(choice, said),
    }
}

impl Translate for Gemini {
    fn event(&mut self, data: &[u8], to: &mut Emitter<'_>) {
        let Ok(body) = serde_json::from_slice::<Body<'_>>(data) else { return to.unreadable() };
        if let Some(error) = &body.error {
            let message = error["message"].as_str().unwrap_or("the provider failed");
            return to.error(message, error.get("status"));
        }
        if self.names.is_none() {
            self.names = Some(Names::new(body.response_id.as_deref()));
        }
        let blocked = body.is_blocked();
        to.named(body.response_id.unwrap_or_default());
        let reported = body.usage_metadata.and_then(|usage| normalise(usage.get()));
        for candidate in body.candidates.into_iter().flatten() {
            self.candidate(candidate, to);
        }
        if blocked {
            to.stop(0, StopReason::ContentFilter);
        }
        if let Some(reported) = reported {
            let whole = to.seen.finished || reported.tokens.output() > 0;
            to.counted(reported, whole);
        }
    }

    fn end(&mut self, to: &mut Emitter<'_>) {
        // Gemini has no last event: its streams end when they end.
        if to.seen.finished {
            to.done();
        }
    }
}
