//! Gemini's usage metadata into disjoint classes.

use entity::usage::TokenUsage;
use serde::Deserialize;

use crate::providers::usage::{MAX_COUNT, Reported, keepable, take};

/// `usageMetadata`. Every part may be missing or null.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Usage {
    prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    total_token_count: Option<u64>,
    prompt_tokens_details: Option<Vec<Modality>>,
    cache_tokens_details: Option<Vec<Modality>>,
    candidates_tokens_details: Option<Vec<Modality>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Modality {
    modality: Option<String>,
    token_count: Option<u64>,
}

/// Reads usage metadata; `None` if it is none, or has counts that no call can have.
///
/// Gemini counts what it read from a cache *inside* the prompt, and thoughts and the results of its own tools *beside* prompt
/// and answer. Documents count as text.
#[must_use]
pub fn normalise(raw: &str) -> Option<Reported> {
    let usage: Usage = serde_json::from_str(raw).ok()?;
    if usage.prompt_token_count.is_none() && usage.candidates_token_count.is_none() && usage.total_token_count.is_none()
    {
        return None;
    }
    let [mut prompt, mut answer, output_reasoning, tool_input] = [
        usage.prompt_token_count,
        usage.candidates_token_count,
        usage.thoughts_token_count,
        usage.tool_use_prompt_token_count,
    ]
    .map(Option::unwrap_or_default);
    let sum = [prompt, answer, output_reasoning, tool_input].into_iter().fold(0, u64::saturating_add);
    let total = usage.total_token_count.unwrap_or(sum);
    if sum.max(total) > MAX_COUNT {
        return None;
    }
    let input_cached = take(&mut prompt, usage.cached_content_token_count);
    // The prompt's details have what was cached among them.
    let sent = |modality| {
        count(&usage.prompt_tokens_details, modality).saturating_sub(count(&usage.cache_tokens_details, modality))
    };
    let [input_image, input_audio, input_video] = MODALITIES.map(|modality| take(&mut prompt, Some(sent(modality))));
    let made = |modality| count(&usage.candidates_tokens_details, modality);
    let [output_image, output_audio, output_video] = MODALITIES.map(|modality| take(&mut answer, Some(made(modality))));
    let tokens = TokenUsage {
        input_text: prompt,
        input_image,
        input_audio,
        input_video,
        input_cached,
        tool_input,
        output_text: answer,
        output_image,
        output_audio,
        output_video,
        output_reasoning,
        total,
        ..TokenUsage::default()
    };
    Some(Reported { tokens, raw: keepable(raw) })
}

/// What is not text.
const MODALITIES: [&str; 3] = ["IMAGE", "AUDIO", "VIDEO"];

fn count(details: &Option<Vec<Modality>>, modality: &str) -> u64 {
    let of_modality = details.iter().flatten().filter(|detail| detail.modality.as_deref() == Some(modality));
    of_modality.filter_map(|detail| detail.token_count).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modalities_and_the_cache_are_taken_out_of_the_prompt() {
        let reported = normalise(
            r#"{"promptTokenCount":1290,"cachedContentTokenCount":300,"candidatesTokenCount":40,
                "thoughtsTokenCount":100,"toolUsePromptTokenCount":10,"totalTokenCount":1440,
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":732},{"modality":"IMAGE","tokenCount":558}],
                "cacheTokensDetails":[{"modality":"IMAGE","tokenCount":258},{"modality":"TEXT","tokenCount":42}],
                "candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":30}]}"#,
        )
        .unwrap();
        let tokens = &reported.tokens;
        assert_eq!(
            (tokens.input_text, tokens.input_image, tokens.input_cached, tokens.tool_input),
            (690, 300, 300, 10)
        );
        assert_eq!((tokens.output_text, tokens.output_audio, tokens.output_reasoning), (10, 30, 100));
        assert!(tokens.adds_up() && reported.raw.is_some());
    }

    #[test]
    fn a_prompt_alone_is_a_report() {
        let tokens =
            normalise(r#"{"promptTokenCount":8,"totalTokenCount":8,"serviceTier":"standard"}"#).unwrap().tokens;
        assert_eq!((tokens.input_text, tokens.total), (8, 8));
    }

    #[test]
    fn a_total_that_does_not_fit_is_told() {
        let tokens =
            normalise(r#"{"promptTokenCount":8,"candidatesTokenCount":2,"totalTokenCount":99}"#).unwrap().tokens;
        assert!(!tokens.adds_up());
    }

    #[test]
    fn absence_and_absurdity_are_no_report() {
        for raw in [
            "null",
            "{}",
            "[]",
            r#"{"promptTokenCount":"8"}"#,
            r#"{"promptTokenCount":4294967296}"#,
            r#"{"promptTokenCount":1,"totalTokenCount":18446744073709551615}"#,
        ] {
            assert_eq!(normalise(raw), None, "{raw}");
        }
        let details = r#"{"promptTokenCount":5,"promptTokensDetails":[{"modality":"IMAGE","tokenCount":18446744073709551615},
            {"modality":"IMAGE","tokenCount":18446744073709551615},{}]}"#;
        let tokens = normalise(details).unwrap().tokens;
        assert_eq!((tokens.input_image, tokens.input_text), (5, 0));
    }
}
