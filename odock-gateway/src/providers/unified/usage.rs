//! Usage in OpenAI's words, for callers.

use entity::usage::TokenUsage;
use serde_json::{Value, json};

/// OpenAI's usage object of what any provider reported. Details that are zero stay out.
pub(super) fn in_openais_words(tokens: &TokenUsage) -> Value {
    let mut usage = json!({
        "prompt_tokens": tokens.input(),
        "completion_tokens": tokens.output(),
        "total_tokens": tokens.input().saturating_add(tokens.output()),
    });
    let details = [
        ("prompt_tokens_details", "cached_tokens", tokens.input_cached),
        ("prompt_tokens_details", "cache_write_tokens", tokens.input_cache_write),
        ("prompt_tokens_details", "image_tokens", tokens.input_image),
        ("prompt_tokens_details", "audio_tokens", tokens.input_audio),
        ("prompt_tokens_details", "video_tokens", tokens.input_video),
        ("completion_tokens_details", "reasoning_tokens", tokens.output_reasoning),
        ("completion_tokens_details", "image_tokens", tokens.output_image),
        ("completion_tokens_details", "audio_tokens", tokens.output_audio),
        ("completion_tokens_details", "rejected_prediction_tokens", tokens.output_rejected),
    ];
    for (group, name, count) in details.into_iter().filter(|(_, _, count)| *count > 0) {
        usage[group][name] = count.into();
    }
    usage
}
