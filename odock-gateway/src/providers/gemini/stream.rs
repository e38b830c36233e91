//! Streamed content: as events, or as the elements of an array that grows.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::normalise;
use crate::providers::elements::{Elements, Piece};
use crate::providers::meter::{Meter, ReadEvents, Seen, Verdict};

/// Reads pieces of content. Each is a whole answer in small, with the usage so far.
#[derive(Debug, Default)]
pub struct ContentReader;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(default, borrow)]
    candidates: Option<Vec<Candidate<'a>>>,
    #[serde(default, borrow)]
    prompt_feedback: Option<Feedback<'a>>,
    #[serde(default, borrow)]
    usage_metadata: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(default, borrow)]
    content: Option<Content<'a>>,
    #[serde(default, borrow)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(default, borrow)]
    parts: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(default, borrow)]
    text: Option<&'a RawValue>,
    #[serde(default, borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(default, borrow)]
    executable_code: Option<&'a RawValue>,
    #[serde(default, borrow)]
    inline_data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback<'a> {
    #[serde(default, borrow)]
    block_reason: Option<Cow<'a, str>>,
}

impl Part<'_> {
    /// Bytes of what a model has written. A picture's bytes say nothing of its tokens.
    fn text_bytes(&self) -> usize {
        let texts = [self.text, self.function_call, self.executable_code].into_iter().flatten();
        texts.map(|text| text.get().len().saturating_sub(2)).sum()
    }
}

fn read(data: &[u8], seen: &mut Seen) {
    let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(data) else { return };
    seen.upstream_error |= chunk.error.is_some_and(|error| error.get() != "null");
    // A prompt that is refused has no answer, and that is the answer.
    seen.finished |= chunk.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
    for candidate in chunk.candidates.into_iter().flatten() {
        seen.finished |= candidate.finish_reason.is_some_and(|reason| reason.get() != "null");
        for part in candidate.content.and_then(|content| content.parts).into_iter().flatten() {
            seen.content_bytes += part.text_bytes();
            seen.has_content |= part.inline_data.is_some();
        }
    }
    seen.has_content |= seen.finished || seen.content_bytes > 0;
    let Some(reported) = chunk.usage_metadata.and_then(|usage| normalise(usage.get())) else { return };
    if seen.finished || reported.tokens.output() > 0 {
        seen.reported = Some(reported);
    } else {
        seen.prompt = Some(reported.tokens.prompt());
    }
}

impl ReadEvents for ContentReader {
    fn read(&mut self, data: &[u8], seen: &mut Seen) -> Verdict {
        read(data, seen);
        Verdict::Pass
    }
}

/// A meter of an array that grows: its bytes pass at once, and an element is read when it is whole.
#[derive(Debug, Default)]
pub struct ArrayMeter {
    elements: Elements,
    seen: Seen,
}

impl Meter for ArrayMeter {
    fn feed(&mut self, bytes: Bytes, out: &mut VecDeque<Bytes>) {
        let mut rest = bytes;
        while !rest.is_empty() && !self.seen.done {
            match self.elements.next(&mut rest) {
                Piece::Between(between) => out.push_back(between),
                Piece::Element(element) => {
                    read(&element, &mut self.seen);
                    out.push_back(element);
                }
                Piece::End(end) => {
                    // The bracket that closes the array is the last that a caller can use.
                    self.seen.done = true;
                    out.push_back(end);
                }
                Piece::Nothing => return,
            }
        }
    }

    fn finish(&mut self, out: &mut VecDeque<Bytes>) {
        out.extend(self.elements.rest());
        if self.seen.finished && !self.seen.done {
            // Content that is whole is worth a list that can be read.
            out.extend(self.elements.close());
        }
    }

    fn fail(&mut self, error: &[u8], out: &mut VecDeque<Bytes>) {
        out.push_back(self.elements.close_with(error));
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn seen_mut(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::meter::EventMeter;
    use crate::providers::testing::pass;

    const EVENTS: &str = include_str!("golden/stream.txt");
    const ARRAY: &str = include_str!("golden/stream.json");

    #[test]
    fn events_and_elements_say_the_same() {
        for size in [1, 5, 64, 10_000] {
            let (events, by_event) = pass(EventMeter::new(ContentReader), EVENTS, size);
            let (array, by_element) = pass(ArrayMeter::default(), ARRAY, size);
            assert_eq!((events.as_str(), array.as_str()), (EVENTS, ARRAY.trim_end()), "in pieces of {size}");
            assert!(by_element.done && !by_event.done, "events have no last one");
            for seen in [by_event, by_element] {
                assert!(seen.is_complete() && seen.has_content && !seen.upstream_error);
                assert_eq!(
                    seen.content_bytes,
                    "Let me think. \\\"[{".len() + "Hello".len() + r#""name":"f","args":{"a":"]}"}"#.len()
                );
                let tokens = seen.reported.unwrap().tokens;
                assert_eq!(
                    (tokens.input_text, tokens.output_text, tokens.output_reasoning, tokens.total),
                    (8, 5, 20, 33)
                );
            }
        }
    }

    #[test]
    fn before_content_the_usage_is_that_of_the_prompt() {
        let (_, seen) =
            pass(ArrayMeter::default(), r#"[{"usageMetadata":{"promptTokenCount":8,"totalTokenCount":8}}"#, 9);
        assert!(seen.reported.is_none() && !seen.has_content && !seen.is_complete());
        assert_eq!(seen.prompt.unwrap().input_text, 8);
        let blocked = r#"[{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":8}}]"#;
        let (_, seen) = pass(ArrayMeter::default(), blocked, 9);
        assert!(seen.is_complete() && seen.reported.is_some());
    }

    #[test]
    fn an_error_closes_the_array_wherever_it_was() {
        for (given, expected) in [
            ("", r#"[{"e":1}]"#),
            ("[", r#"[{"e":1}]"#),
            ("[{\"candi", r#"[{"e":1}]"#),
            ("[{}", r#"[{},{"e":1}]"#),
            ("[{}\n,\r\n", "[{}\n,\r\n{\"e\":1}]"),
            ("[{},{\"a\":\"]", r#"[{},{"e":1}]"#),
        ] {
            let mut meter = ArrayMeter::default();
            let mut out = VecDeque::new();
            meter.feed(Bytes::copy_from_slice(given.as_bytes()), &mut out);
            meter.fail(br#"{"e":1}"#, &mut out);
            let text = String::from_utf8(out.into_iter().flatten().collect()).unwrap();
            assert_eq!(text, expected);
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_upstreams_error_is_seen() {
        let (_, seen) = pass(ArrayMeter::default(), r#"[{"error":{"code":500,"message":"x","status":"INTERNAL"}}"#, 3);
        assert!(seen.upstream_error);
        let (_, seen) = pass(EventMeter::new(ContentReader), "data: {\"error\":{\"code\":500}}\r\n\r\n", 3);
        assert!(seen.upstream_error);
    }

    #[test]
    fn a_missing_end_is_added_to_content_that_is_whole() {
        let unended = ARRAY.trim_end().strip_suffix(']').unwrap();
        assert_eq!(pass(ArrayMeter::default(), unended, 64).0, ARRAY.trim_end());
    }

    #[test]
    fn what_is_no_array_passes() {
        for odd in ["oops", "{\"a\":1}", "\u{fffd}", "[1,2", "[}"] {
            let (text, seen) = pass(ArrayMeter::default(), odd, 2);
            assert_eq!(text, odd);
            assert!(!seen.is_complete());
        }
    }
}
