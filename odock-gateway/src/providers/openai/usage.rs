//! OpenAI's usage object into disjoint classes.

use entity::usage::TokenUsage;
use serde::Deserialize;

use crate::providers::usage::{MAX_COUNT, Reported, keepable, take};

/// The usage object in all its forms: chat completions count a `prompt` and a `completion`, responses, images and
/// transcriptions an `input` and an `output`. Every part may be missing or null.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Usage {
    prompt_tokens: Option<u64>,
    input_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    output_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<InputDetails>,
    input_tokens_details: Option<InputDetails>,
    /// The name that transcriptions have for it.
    input_token_details: Option<InputDetails>,
    completion_tokens_details: Option<OutputDetails>,
    output_tokens_details: Option<OutputDetails>,
    /// The length of a transcribed recording, where that is what is charged.
    seconds: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
    audio_tokens: Option<u64>,
    image_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
    audio_tokens: Option<u64>,
    image_tokens: Option<u64>,
    text_tokens: Option<u64>,
    rejected_prediction_tokens: Option<u64>,
}

/// What a call makes, which decides what its counts mean where no detail says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Makes {
    /// Text, which is what is not said to be something else.
    Text,
    /// Images: output is theirs.
    Images,
    /// Vectors: what goes in is embedded, and nothing comes out.
    Vectors,
    /// Judgements, such as classes and scores: nothing that is counted comes out.
    Judgements,
}

/// Reads the usage object of a call that makes text; `None` if it is not one, or has counts that no call can have.
///
/// OpenAI counts cached, audio, image, reasoning and rejected tokens *inside* the input and output counts, so they are
/// taken out of the text classes. A detail that exceeds what it is a part of is cut down to it.
#[must_use]
pub fn normalise(raw: &str) -> Option<Reported> {
    normalise_as(Makes::Text, raw)
}

/// Reads the usage object of a call that makes something in particular; as [`normalise`].
#[must_use]
pub fn normalise_as(makes: Makes, raw: &str) -> Option<Reported> {
    let usage: Usage = serde_json::from_str(raw).ok()?;
    let (prompt, completion) =
        (usage.prompt_tokens.or(usage.input_tokens), usage.completion_tokens.or(usage.output_tokens));
    let counts = [prompt, completion, usage.total_tokens];
    if counts.iter().flatten().any(|count| *count > MAX_COUNT) {
        return None;
    }
    if counts.iter().all(Option::is_none) {
        return by_duration(usage.seconds?, raw);
    }
    let nothing_comes_out = matches!(makes, Makes::Vectors | Makes::Judgements);
    let all = usage.total_tokens.unwrap_or(0);
    // Some servers give the total alone.
    let mut input = prompt.unwrap_or(if nothing_comes_out { all } else { 0 });
    let mut output = completion.unwrap_or_else(|| all.saturating_sub(input));
    let total = usage.total_tokens.unwrap_or_else(|| input.saturating_add(output));
    let inside_in =
        usage.prompt_tokens_details.or(usage.input_tokens_details).or(usage.input_token_details).unwrap_or_default();
    let inside_out = usage.completion_tokens_details.or(usage.output_tokens_details).unwrap_or_default();
    let mut tokens = TokenUsage {
        input_cached: take(&mut input, inside_in.cached_tokens),
        input_cache_write: take(&mut input, inside_in.cache_write_tokens),
        input_audio: take(&mut input, inside_in.audio_tokens),
        input_image: take(&mut input, inside_in.image_tokens),
        output_reasoning: take(&mut output, inside_out.reasoning_tokens),
        output_audio: take(&mut output, inside_out.audio_tokens),
        output_image: take(&mut output, inside_out.image_tokens),
        output_rejected: take(&mut output, inside_out.rejected_prediction_tokens),
        total,
        ..TokenUsage::default()
    };
    match makes {
        Makes::Vectors => (tokens.embeddings, tokens.output_text) = (input, output),
        // What is not said to be text is an image.
        Makes::Images => {
            tokens.output_text = take(&mut output, inside_out.text_tokens);
            tokens.output_image += output;
            tokens.input_text = input;
        }
        Makes::Text | Makes::Judgements => (tokens.input_text, tokens.output_text) = (input, output),
    }
    Some(Reported { tokens, raw: keepable(raw) })
}

/// What is charged by the second, begun ones too.
fn by_duration(seconds: f64, raw: &str) -> Option<Reported> {
    if !(0.0..=MAX_COUNT as f64).contains(&seconds) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
    let tokens = TokenUsage { units: seconds.ceil() as u64, ..TokenUsage::default() };
    Some(Reported { tokens, raw: keepable(raw) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_count_as_chat_does_under_other_names() {
        let raw = r#"{"input_tokens":328,"input_tokens_details":{"cached_tokens":300},"output_tokens":52,
            "output_tokens_details":{"reasoning_tokens":32},"total_tokens":380}"#;
        let tokens = normalise(raw).unwrap().tokens;
        assert_eq!((tokens.input_text, tokens.input_cached), (28, 300));
        assert_eq!((tokens.output_text, tokens.output_reasoning), (20, 32));
        assert!(tokens.adds_up());
    }

    #[test]
    fn the_output_of_an_image_call_is_images() {
        let raw = r#"{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}"#;
        let tokens = normalise_as(Makes::Images, raw).unwrap().tokens;
        assert_eq!((tokens.input_text, tokens.input_image, tokens.output_image, tokens.output_text), (10, 40, 50, 0));
        assert!(tokens.adds_up());
        let raw = r#"{"input_tokens":5,"output_tokens":70,"total_tokens":75,"output_tokens_details":{"image_tokens":50,"text_tokens":20}}"#;
        let tokens = normalise_as(Makes::Images, raw).unwrap().tokens;
        assert_eq!((tokens.output_image, tokens.output_text), (50, 20));
        assert!(tokens.adds_up());
    }

    #[test]
    fn what_is_embedded_has_a_class_of_its_own() {
        let tokens = normalise_as(Makes::Vectors, r#"{"prompt_tokens":8,"total_tokens":8}"#).unwrap().tokens;
        assert_eq!((tokens.embeddings, tokens.input(), tokens.output()), (8, 8, 0));
        assert!(tokens.adds_up());
        for makes in [Makes::Vectors, Makes::Judgements] {
            let tokens = normalise_as(makes, r#"{"total_tokens":56}"#).unwrap().tokens;
            assert_eq!((tokens.input(), tokens.output()), (56, 0), "a total alone went in");
        }
    }

    #[test]
    fn recordings_are_charged_by_token_or_by_second() {
        let raw = r#"{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45,"total_tokens":59}"#;
        let tokens = normalise(raw).unwrap().tokens;
        assert_eq!((tokens.input_text, tokens.input_audio, tokens.output_text), (4, 10, 45));
        let tokens = normalise(r#"{"type":"duration","seconds":8.2}"#).unwrap().tokens;
        assert_eq!((tokens.units, tokens.total), (9, 0));
        for seconds in ["-1", "1e300", "\"9\"", "null"] {
            assert_eq!(normalise(&format!(r#"{{"seconds":{seconds}}}"#)), None, "{seconds}");
        }
    }

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
