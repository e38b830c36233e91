//! Anthropic's usage object into disjoint classes.

use entity::usage::TokenUsage;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::providers::usage::{MAX_COUNT, Reported, keepable, take};

/// The usage object of messages. Every part may be missing or null.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Usage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
    server_tool_use: Option<ServerTools>,
}

/// What Anthropic's own tools did. Fetching costs nothing but its tokens, and running code is sold by the hour.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServerTools {
    web_search_requests: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

/// Reads a usage object; `None` if it is not one, or has counts that no call can have.
///
/// Anthropic counts what it read from its cache, and what it wrote there, *beside* `input_tokens`, and thoughts inside
/// `output_tokens`. It reports no total: the classes are the whole.
#[must_use]
pub fn normalise(raw: &str) -> Option<Reported> {
    let usage: Usage = serde_json::from_str(raw).ok()?;
    if usage.input_tokens.is_none() && usage.output_tokens.is_none() {
        return None;
    }
    let [input_text, input_cache_write, input_cached, mut output] =
        [usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens, usage.output_tokens]
            .map(Option::unwrap_or_default);
    let total = [input_text, input_cache_write, input_cached, output].into_iter().fold(0, u64::saturating_add);
    if total > MAX_COUNT {
        return None;
    }
    let output_reasoning = take(&mut output, usage.output_tokens_details.unwrap_or_default().thinking_tokens);
    let tokens = TokenUsage {
        input_text,
        input_cached,
        input_cache_write,
        output_text: output,
        output_reasoning,
        units: usage.server_tool_use.and_then(|tools| tools.web_search_requests).unwrap_or(0).min(MAX_COUNT),
        total,
        ..TokenUsage::default()
    };
    Some(Reported { tokens, raw: keepable(raw) })
}

/// The usage of a stream, which comes in parts: `message_start` has the prompt's, and each `message_delta` the counts so far.
#[derive(Clone, Debug, Default)]
pub struct RunningUsage(Map<String, Value>);

impl RunningUsage {
    /// Takes a usage object of an event. What it says replaces what was said before.
    pub fn update(&mut self, raw: &str) {
        let Ok(said) = serde_json::from_str::<Map<String, Value>>(raw) else { return };
        self.0.extend(said.into_iter().filter(|(_, value)| !value.is_null()));
    }

    /// What was reported so far; `None` if nothing of use was.
    #[must_use]
    pub fn reported(&self) -> Option<Reported> {
        normalise(&serde_json::to_string(&self.0).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_stands_beside_the_prompt() {
        let reported = normalise(
            r#"{"input_tokens":12,"cache_creation_input_tokens":300,"cache_read_input_tokens":2000,
                "cache_creation":{"ephemeral_5m_input_tokens":300,"ephemeral_1h_input_tokens":0},
                "output_tokens":80,"output_tokens_details":{"thinking_tokens":50},"service_tier":"standard"}"#,
        )
        .unwrap();
        let tokens = &reported.tokens;
        assert_eq!((tokens.input_text, tokens.input_cache_write, tokens.input_cached), (12, 300, 2_000));
        assert_eq!((tokens.output_text, tokens.output_reasoning, tokens.total), (30, 50, 2_392));
        assert!(tokens.adds_up() && reported.raw.is_some());
    }

    #[test]
    fn a_search_is_a_unit() {
        let said = r#"{"input_tokens":9,"output_tokens":1,"server_tool_use":{"web_search_requests":3,"web_fetch_requests":2}}"#;
        let tokens = normalise(said).unwrap().tokens;
        assert_eq!((tokens.units, tokens.total), (3, 10));
        assert!(tokens.adds_up());
        let none = normalise(r#"{"input_tokens":9,"server_tool_use":null}"#).unwrap().tokens;
        assert_eq!(none.units, 0);
    }

    #[test]
    fn a_stream_tells_in_parts() {
        let mut usage = RunningUsage::default();
        assert_eq!(usage.reported(), None);
        usage.update(r#"{"input_tokens":25,"cache_read_input_tokens":5,"output_tokens":1}"#);
        usage.update(r#"{"input_tokens":null,"output_tokens":15}"#);
        usage.update("nonsense");
        let tokens = usage.reported().unwrap().tokens;
        assert_eq!((tokens.input_text, tokens.input_cached, tokens.output_text, tokens.total), (25, 5, 15, 45));
    }

    #[test]
    fn absence_and_absurdity_are_no_report() {
        for raw in [
            "null",
            "{}",
            r#"{"cache_read_input_tokens":3}"#,
            r#"{"input_tokens":-1}"#,
            r#"{"input_tokens":4294967295,"output_tokens":1}"#,
            r#"{"input_tokens":18446744073709551615,"output_tokens":18446744073709551615}"#,
        ] {
            assert_eq!(normalise(raw), None, "{raw}");
        }
        assert_eq!(normalise(r#"{"input_tokens":0,"output_tokens":0}"#).unwrap().tokens, TokenUsage::default());
    }

    #[test]
    fn a_detail_cannot_exceed_what_it_is_part_of() {
        let tokens = normalise(r#"{"output_tokens":5,"output_tokens_details":{"thinking_tokens":9}}"#).unwrap().tokens;
        assert_eq!((tokens.output_text, tokens.output_reasoning), (0, 5));
        assert!(tokens.adds_up());
    }
}
