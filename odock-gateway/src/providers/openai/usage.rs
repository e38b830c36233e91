//! OpenAI's usage object into disjoint classes.

use entity::usage::TokenUsage;
use serde::Deserialize;

use crate::providers::usage::{MAX_COUNT, Reported, keepable, take};

/// The usage object of chat completions. Every part may be missing or null.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Option<u64>,
    audio_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
    audio_tokens: Option<u64>,
    rejected_prediction_tokens: Option<u64>,
}

/// Reads a usage object; `None` if it is not one, or has counts that no call can have.
///
/// OpenAI counts cached, audio, reasoning and rejected tokens *inside* the prompt and completion counts, so they are
/// taken out of the text classes. A detail that exceeds what it is a part of is cut down to it.
#[must_use]
pub fn normalise(raw: &str) -> Option<Reported> {
    let usage: Usage = serde_json::from_str(raw).ok()?;
    if usage.prompt_tokens.is_none() && usage.completion_tokens.is_none() && usage.total_tokens.is_none() {
        return None;
    }
    if [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens]
        .into_iter()
        .flatten()
        .any(|count| count > MAX_COUNT)
    {
        return None;
    }
    let mut prompt = usage.prompt_tokens.unwrap_or(0);
    let mut completion =
        usage.completion_tokens.unwrap_or_else(|| usage.total_tokens.unwrap_or(0).saturating_sub(prompt));
    let total = usage.total_tokens.unwrap_or_else(|| prompt.saturating_add(completion));
    let (inside_in, inside_out) =
        (usage.prompt_tokens_details.unwrap_or_default(), usage.completion_tokens_details.unwrap_or_default());
    let input_cached = take(&mut prompt, inside_in.cached_tokens);
    let input_audio = take(&mut prompt, inside_in.audio_tokens);
    let output_reasoning = take(&mut completion, inside_out.reasoning_tokens);
    let output_audio = take(&mut completion, inside_out.audio_tokens);
    let output_rejected = take(&mut completion, inside_out.rejected_prediction_tokens);
    let tokens = TokenUsage {
        input_text: prompt,
        input_audio,
        input_cached,
        output_text: completion,
        output_audio,
        output_reasoning,
        output_rejected,
        total,
        ..TokenUsage::default()
    };
    Some(Reported { tokens, raw: keepable(raw) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_taken_out_of_the_totals() {
        let reported = normalise(
            r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
                "prompt_tokens_details":{"cached_tokens":64,"audio_tokens":6},
                "completion_tokens_details":{"reasoning_tokens":20,"audio_tokens":0,"accepted_prediction_tokens":3,"rejected_prediction_tokens":5}}"#,
        )
        .unwrap();
        let tokens = &reported.tokens;
        assert_eq!((tokens.input_text, tokens.input_cached, tokens.input_audio), (30, 64, 6));
        assert_eq!((tokens.output_text, tokens.output_reasoning, tokens.output_rejected), (25, 20, 5));
        assert!(tokens.adds_up());
    }

    #[test]
    fn a_reported_zero_is_a_report() {
        let reported = normalise(r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#).unwrap();
        assert_eq!(reported.tokens, TokenUsage::default());
    }

    #[test]
    fn absence_is_no_report() {
        for raw in [
            "null",
            "{}",
            r#"{"prompt_tokens":null}"#,
            "[]",
            "7",
            r#"{"prompt_tokens":-1}"#,
            r#"{"prompt_tokens":"9"}"#,
        ] {
            assert_eq!(normalise(raw), None, "{raw}");
        }
    }

    #[test]
    fn contradictions_do_not_add_up() {
        let reported = normalise(r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":99}"#).unwrap();
        assert!(!reported.tokens.adds_up());
        let reported =
            normalise(r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":1000}}"#)
                .unwrap();
        assert_eq!((reported.tokens.input_text, reported.tokens.input_cached), (0, 10));
        assert!(reported.tokens.adds_up());
    }

    #[test]
    fn counts_that_no_call_has_are_no_report() {
        for raw in [
            r#"{"prompt_tokens":18446744073709551615,"completion_tokens":5}"#,
            r#"{"prompt_tokens":1,"completion_tokens":4294967296}"#,
            r#"{"total_tokens":9223372036854775807}"#,
        ] {
            assert_eq!(normalise(raw), None, "{raw}");
        }
    }

    #[test]
    fn an_object_unfit_for_a_record_is_counted_and_not_kept() {
        let with =
            |extra: &str| normalise(&format!(r#"{{"prompt_tokens":3,"completion_tokens":2,"x":{extra}}}"#)).unwrap();
        assert!(with("[1]").raw.is_some());
        for extra in [
            format!("\"{}\"", "y".repeat(9_000)),
            format!("{}{}", "[".repeat(100), "]".repeat(100)),
            "1e999".into(),
            r#""\u0000""#.into(),
        ] {
            let reported = with(&extra);
            assert_eq!((reported.tokens.total, reported.raw), (5, None));
        }
    }
}
