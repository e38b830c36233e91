//! The events of a streamed message, read as they pass.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::RunningUsage;
use crate::providers::meter::{ReadEvents, Seen, Verdict};

/// Reads the events of messages. The prompt's usage comes first, with `message_start`; what the answer comes to, with
/// `message_delta`.
#[derive(Debug, Default)]
pub struct MessageReader {
    usage: RunningUsage,
}

/// An event as far as it says what passes.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default, borrow)]
    message: Option<Started<'a>>,
    #[serde(default, borrow)]
    content_block: Option<Block<'a>>,
    #[serde(default, borrow)]
    delta: Option<Delta<'a>>,
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Started<'a> {
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(default, borrow)]
    r#type: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(default, borrow)]
    text: Option<&'a RawValue>,
    #[serde(default, borrow)]
    thinking: Option<&'a RawValue>,
    #[serde(default, borrow)]
    partial_json: Option<&'a RawValue>,
    #[serde(default, borrow)]
    stop_reason: Option<&'a RawValue>,
}

impl Delta<'_> {
    /// Bytes of what a model has written, without their quotation marks.
    fn text_bytes(&self) -> usize {
        let texts = [self.text, self.thinking, self.partial_json].into_iter().flatten();
        texts.map(|text| text.get().len().saturating_sub(2)).sum()
    }
}

impl MessageReader {
    fn started(&mut self, message: Option<Started<'_>>, seen: &mut Seen) {
        let Some(usage) = message.and_then(|message| message.usage) else { return };
        self.usage.update(usage.get());
        seen.prompt = self.usage.reported().map(|reported| reported.tokens.prompt());
    }

    fn ended(&mut self, delta: Option<Delta<'_>>, usage: Option<&RawValue>, seen: &mut Seen) {
        let reason = delta.and_then(|delta| delta.stop_reason);
        seen.finished |= reason.is_some_and(|reason| reason.get() != "null");
        // An answer without content is one too.
        seen.has_content |= seen.finished;
        if let Some(usage) = usage {
            self.usage.update(usage.get());
            seen.reported = self.usage.reported();
        }
    }
}

impl ReadEvents for MessageReader {
    fn read(&mut self, data: &[u8], seen: &mut Seen) -> Verdict {
        let Ok(event) = serde_json::from_slice::<Event<'_>>(data) else { return Verdict::Pass };
        // Kinds that are not known pass unread, as the protocol wants it.
        match &*event.r#type {
            "message_start" => self.started(event.message, seen),
            "content_block_start" => {
                // An empty text or thought has still to say something; all else is whole or named from the beginning.
                let begins = event.content_block.is_some_and(|block| !matches!(&*block.r#type, "text" | "thinking"));
                seen.has_content |= begins;
            }
            "content_block_delta" => {
                seen.has_content = true;
                seen.content_bytes += event.delta.map_or(0, |delta| delta.text_bytes());
            }
            "message_delta" => self.ended(event.delta, event.usage, seen),
            "message_stop" => seen.done = true,
            "error" => seen.upstream_error = true,
            _ => {}
        }
        Verdict::Pass
    }

    fn error_event(&self) -> Option<&'static str> {
        Some("error")
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::providers::meter::EventMeter;
    use crate::providers::testing::pass;

    const STREAM: &str = include_str!("golden/stream.txt");

    fn run(stream: &str, size: usize) -> (String, Seen) {
        pass(EventMeter::new(MessageReader::default()), stream, size)
    }

    #[test]
    fn every_byte_passes_and_both_halves_of_the_usage_are_read() {
        for size in [1, 7, 64, 1_000, STREAM.len()] {
            let (text, seen) = run(STREAM, size);
            assert_eq!(text, STREAM, "in pieces of {size}");
            assert!(seen.done && seen.finished && seen.has_content && !seen.upstream_error);
            let tokens = seen.reported.unwrap().tokens;
            assert_eq!(
                (tokens.input_text, tokens.input_cached, tokens.output_text, tokens.total),
                (25, 1_000, 89, 1_114)
            );
        }
    }

    #[test]
    fn thoughts_text_and_arguments_are_content_and_signatures_are_not() {
        let (_, seen) = run(STREAM, 64);
        let said = ["Let me think.", "Looking it up", "{\\\"city\\\":", " \\\"Oslo\\\"}"];
        assert_eq!(seen.content_bytes, said.iter().map(|text| text.len()).sum::<usize>());
    }

    #[test]
    fn lifecycle_events_are_no_content_yet() {
        let opening = STREAM.split("event: content_block_delta").next().unwrap();
        let (_, seen) = run(opening, 64);
        assert!(!seen.has_content && !seen.is_complete() && seen.reported.is_none());
        let prompt = seen.prompt.unwrap();
        assert_eq!((prompt.input_text, prompt.input_cached, prompt.output(), prompt.total), (25, 1_000, 0, 1_025));
        let (_, seen) =
            run("data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\"}}\n\n", 64);
        assert!(seen.has_content);
    }

    #[test]
    fn an_error_is_seen_and_the_last_event_may_be_missing() {
        let stream = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
        assert!(run(stream, 9).1.upstream_error);
        let unstopped = STREAM.split("event: message_stop").next().unwrap();
        let (_, seen) = run(unstopped, 9);
        assert!(seen.is_complete() && !seen.done && seen.reported.is_some());
    }

    #[test]
    fn what_is_unknown_or_broken_passes() {
        let stream = "event: new\ndata: {\"type\":\"new_kind\",\"x\":[1]}\n\ndata: {oops\n\ndata: {\"type\":\"message_start\"}\n\n";
        let (text, seen) = run(stream, 5);
        assert_eq!(text, stream);
        assert!(!seen.has_content && !seen.is_complete());
    }
}
