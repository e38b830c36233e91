//! The events of a chat completion stream, read as they pass.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::normalise;
use crate::providers::meter::{ReadEvents, Seen, Verdict};
use crate::providers::usage::Normalise;

/// Reads chat completion chunks. Where the caller did not ask for the usage event, that one event is withheld.
#[derive(Debug)]
pub struct ChunkReader {
    withhold_usage: bool,
    normalise: Normalise,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    choices: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default, borrow)]
    delta: Option<Delta<'a>>,
    #[serde(default, borrow)]
    text: Option<&'a RawValue>,
    #[serde(default, borrow)]
    finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(default, borrow)]
    content: Option<&'a RawValue>,
    #[serde(default, borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(default, borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(default, borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(default, borrow)]
    tool_calls: Option<&'a RawValue>,
}

impl ChunkReader {
    /// A reader that withholds the usage event unless the caller asked for it.
    #[must_use]
    pub fn new(caller_wants_usage: bool) -> Self {
        Self::reading(caller_wants_usage, normalise)
    }

    /// The same, for servers whose usage is read in another way.
    #[must_use]
    pub fn reading(caller_wants_usage: bool, normalise: Normalise) -> Self {
        Self { withhold_usage: !caller_wants_usage, normalise }
    }
}

impl ReadEvents for ChunkReader {
    fn read(&mut self, data: &[u8], seen: &mut Seen) -> Verdict {
        if data == b"[DONE]" {
            seen.done = true;
            return Verdict::Pass;
        }
        let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(data) else { return Verdict::Pass };
        seen.upstream_error |= chunk.error.is_some_and(|error| error.get() != "null");
        let choices = chunk.choices.map_or("[]", RawValue::get);
        let has_choices = choices.len() > 2 && choices != "null" && choices[1..].trim_start() != "]";
        if has_choices {
            count(choices, seen);
        }
        let Some(usage) = chunk.usage.filter(|usage| usage.get() != "null") else { return Verdict::Pass };
        if let Some(reported) = (self.normalise)(usage.get()) {
            seen.reported = Some(reported);
        }
        // Some servers put usage on a chunk that carries text too: that one the caller must see.
        if self.withhold_usage && !has_choices { Verdict::Withhold } else { Verdict::Pass }
    }
}

fn count(choices: &str, seen: &mut Seen) {
    let Ok(choices) = serde_json::from_str::<Vec<Choice<'_>>>(choices) else { return };
    for choice in choices {
        seen.finished |= choice.finish_reason.is_some_and(|reason| reason.get() != "null");
        let delta = choice.delta.as_ref();
        let texts = [
            choice.text,
            delta.and_then(|delta| delta.content),
            delta.and_then(|delta| delta.refusal),
            delta.and_then(|delta| delta.reasoning_content.or(delta.reasoning)),
            delta.and_then(|delta| delta.tool_calls),
        ];
        let texts = texts.into_iter().flatten().map(RawValue::get).filter(|text| *text != "null");
        seen.content_bytes += texts.map(|text| text.len().saturating_sub(2)).sum::<usize>();
    }
    // A first chunk that names the role and nothing else is a lifecycle event.
    seen.has_content |= seen.finished || seen.content_bytes > 0;
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;

    use super::*;
    use crate::providers::meter::{EventMeter, Meter};

    const STREAM: &str = concat!(
        ": hello\n\n",
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hallo\"}}]}\r\n\r\n",
        "event: x\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
        "data: [DONE]\n\n",
    );
    const USAGE: &str =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n";

    fn meter(wants_usage: bool) -> EventMeter<ChunkReader> {
        EventMeter::new(ChunkReader::new(wants_usage))
    }

    fn run(meter: &mut EventMeter<ChunkReader>, pieces: impl IntoIterator<Item = Bytes>) -> String {
        let mut out = VecDeque::new();
        for piece in pieces {
            meter.feed(piece, &mut out);
        }
        meter.finish(&mut out);
        String::from_utf8(out.into_iter().flatten().collect()).unwrap()
    }

    #[test]
    fn the_caller_gets_the_very_bytes_however_they_were_cut() {
        for size in 1..STREAM.len() {
            let mut meter = self::meter(true);
            let pieces = STREAM.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            assert_eq!(run(&mut meter, pieces), STREAM, "in pieces of {size}");
            assert!(meter.seen().done);
            assert_eq!(meter.seen().reported.as_ref().unwrap().tokens.total, 5);
            assert_eq!(meter.seen().content_bytes, 5);
        }
    }

    #[test]
    fn usage_is_withheld_from_a_caller_who_did_not_ask() {
        for size in 1..STREAM.len() {
            let mut meter = self::meter(false);
            let pieces = STREAM.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            assert_eq!(run(&mut meter, pieces), STREAM.replace(USAGE, ""), "in pieces of {size}");
            assert_eq!(meter.seen().reported.as_ref().unwrap().tokens.total, 5);
        }
    }

    #[test]
    fn complete_events_are_not_copied() {
        let bytes = Bytes::from_static(STREAM.as_bytes());
        let mut out = VecDeque::new();
        meter(true).feed(bytes.clone(), &mut out);
        assert!(out.iter().all(|event| bytes.as_ptr_range().contains(&event.as_ptr())));
    }

    #[test]
    fn usage_beside_text_is_not_withheld() {
        let event = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n";
        let mut meter = self::meter(false);
        assert_eq!(run(&mut meter, [Bytes::from(event)]), event);
        assert!(meter.seen().reported.is_some());
    }

    #[test]
    fn what_follows_done_is_dropped() {
        let mut meter = self::meter(true);
        assert_eq!(run(&mut meter, [Bytes::from("data: [DONE]\n\ngarbage")]), "data: [DONE]\n\n");
    }

    #[test]
    fn an_event_of_several_data_lines_is_read() {
        let event = "data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
        let mut meter = self::meter(false);
        assert_eq!(run(&mut meter, [Bytes::from(event)]), "");
        assert_eq!(meter.seen().reported.clone().unwrap().tokens.total, 5);
    }

    #[test]
    fn garbage_is_passed_on() {
        let garbage = "data: {\"choices\": oops\n\ndata:\n\n\n\nnonsense\n\n";
        let mut meter = self::meter(false);
        assert_eq!(run(&mut meter, [Bytes::from(garbage)]), garbage);
        assert!(!meter.seen().is_complete());
    }
}
