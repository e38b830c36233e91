//! A stream of chat completion chunks on its way past: bytes go out as they come, usage is read off.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use memchr::memchr;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::{Reported, normalise};

/// The largest event that is held back or looked into; anything larger passes unread.
const MAX_EVENT: usize = 4 << 20;

/// Reads server-sent events (WHATWG HTML, section 9.2) as they pass.
///
/// Where the caller did not ask for the usage event, that one event is withheld; all others go out as the very bytes
/// that came in, an event at a time.
#[derive(Debug)]
pub struct StreamMeter {
    withhold_usage: bool,
    /// The beginning of an event whose end has not come yet.
    partial: BytesMut,
    passing: bool,
    /// The body is in an encoding that is not read here: all of it passes, and its end is its end.
    opaque: bool,
    /// The caller has got a part of an event whose end has not come.
    mid_event: bool,
    done: bool,
    finished: bool,
    /// What the provider reported, if it did.
    pub reported: Option<Reported>,
    /// Bytes of text and tool arguments that passed.
    pub content_bytes: usize,
    /// An error event of the upstream passed.
    pub upstream_error: bool,
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

impl StreamMeter {
    /// A meter that withholds the usage event unless the caller asked for it.
    #[must_use]
    pub fn new(caller_wants_usage: bool) -> Self {
        Self {
            withhold_usage: !caller_wants_usage,
            partial: BytesMut::new(),
            passing: false,
            opaque: false,
            mid_event: false,
            done: false,
            finished: false,
            reported: None,
            content_bytes: 0,
            upstream_error: false,
        }
    }

    /// A meter of a body in an encoding such as gzip, which passes unread.
    #[must_use]
    pub fn opaque() -> Self {
        Self { opaque: true, ..Self::new(true) }
    }

    /// Whether the caller can make sense of an event that is added at the end.
    #[must_use]
    pub fn takes_events(&self) -> bool {
        !self.opaque
    }

    /// Whether `[DONE]` has passed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Whether the answer is complete: `[DONE]`, or a finish reason for want of it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.done || self.finished || self.opaque
    }

    /// Takes bytes of the upstream and adds to `out` what goes to the caller.
    pub fn feed(&mut self, mut bytes: Bytes, out: &mut VecDeque<Bytes>) {
        if self.opaque {
            self.content_bytes += bytes.len();
            out.push_back(bytes);
            return;
        }
        // After [DONE] there is nothing that a caller could use.
        while !bytes.is_empty() && !self.done {
            let Some(end) = self.event_end(&bytes) else {
                if self.partial.len() + bytes.len() > MAX_EVENT || self.passing {
                    self.pass(&mut bytes, out);
                } else {
                    self.partial.extend_from_slice(&bytes);
                }
                return;
            };
            let rest = bytes.split_off(end);
            if self.passing {
                self.passing = false;
                self.mid_event = false;
                out.push_back(bytes);
            } else {
                let event = if self.partial.is_empty() {
                    bytes
                } else {
                    self.partial.extend_from_slice(&bytes);
                    self.partial.split().freeze()
                };
                if !self.read(&event) {
                    out.push_back(event);
                }
            }
            bytes = rest;
        }
    }

    /// What is left of an event that never ended, for the caller's eyes as it is.
    pub fn finish(&mut self, out: &mut VecDeque<Bytes>) {
        if self.partial.is_empty() {
            return;
        }
        let event = self.partial.split().freeze();
        // A last event without its blank line counts as one: some servers forget it.
        if !self.read(&event) {
            self.mid_event = true;
            out.push_back(event);
        }
    }

    /// Makes room for an event of the gateway's own: half an event that the caller has not seen is dropped, one that it
    /// has seen the beginning of is ended, so that the two do not run together.
    pub fn cut(&mut self, out: &mut VecDeque<Bytes>) {
        self.partial.clear();
        self.passing = false;
        if std::mem::take(&mut self.mid_event) {
            out.push_back(Bytes::from_static(b"\n\n"));
        }
    }

    fn pass(&mut self, bytes: &mut Bytes, out: &mut VecDeque<Bytes>) {
        if !self.partial.is_empty() {
            out.push_back(self.partial.split().freeze());
        }
        self.passing = true;
        self.mid_event = true;
        out.push_back(std::mem::take(bytes));
    }

    /// The end of the first event: just behind its blank line. Lines end in LF or CR LF.
    fn event_end(&self, bytes: &[u8]) -> Option<usize> {
        let mut from = 0;
        // How the bytes before `bytes` end decides whether an LF at its beginning closes the event.
        let mut line_is_empty = match self.partial.as_ref() {
            [.., b'\n'] | [.., b'\n', b'\r'] => true,
            [] => !self.passing,
            _ => false,
        };
        while let Some(at) = memchr(b'\n', &bytes[from..]).map(|at| from + at) {
            let line = &bytes[from..at];
            line_is_empty = line_is_empty && matches!(line, [] | [b'\r']);
            let begins_event = self.partial.is_empty() && from == 0 && !self.passing;
            if line_is_empty && !begins_event {
                return Some(at + 1);
            }
            from = at + 1;
            line_is_empty = true;
        }
        None
    }

    /// Learns from a complete event. True if it must not go out.
    fn read(&mut self, event: &[u8]) -> bool {
        let Some(data) = data(event) else { return false };
        let data = data.as_ref();
        if data == b"[DONE]" {
            self.done = true;
            return false;
        }
        let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(data) else { return false };
        self.upstream_error |= chunk.error.is_some_and(|error| error.get() != "null");
        let choices = chunk.choices.map_or("[]", RawValue::get);
        let has_choices = choices.len() > 2 && choices != "null" && choices[1..].trim_start() != "]";
        if has_choices {
            self.count(choices);
        }
        let Some(usage) = chunk.usage.filter(|usage| usage.get() != "null") else { return false };
        if let Some(reported) = normalise(usage.get()) {
            self.reported = Some(reported);
        }
        // Some servers put usage on a chunk that carries text too: that one the caller must see.
        self.withhold_usage && !has_choices
    }

    fn count(&mut self, choices: &str) {
        #[derive(Deserialize)]
        struct Choice<'a> {
            #[serde(default, borrow)]
            delta: Option<Delta<'a>>,
            #[serde(default, borrow)]
            finish_reason: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct Delta<'a> {
            #[serde(default, borrow)]
            content: Option<&'a RawValue>,
            #[serde(default, borrow)]
            reasoning_content: Option<&'a RawValue>,
            #[serde(default, borrow)]
            tool_calls: Option<&'a RawValue>,
        }
        let Ok(choices) = serde_json::from_str::<Vec<Choice<'_>>>(choices) else { return };
        for choice in choices {
            self.finished |= choice.finish_reason.is_some_and(|reason| reason.get() != "null");
            if let Some(delta) = choice.delta {
                let texts = [delta.content, delta.reasoning_content, delta.tool_calls];
                self.content_bytes += texts
                    .into_iter()
                    .flatten()
                    .filter(|text| text.get() != "null")
                    .map(|text| text.get().len().saturating_sub(2))
                    .sum::<usize>();
            }
        }
    }
}

/// The data of an event. All of this protocol's events have it in one line; of several, a line feed joins them.
fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut lines =
        event.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data:")).map(<[u8]>::trim_ascii);
    let first = lines.next()?;
    let Some(second) = lines.next() else { return Some(first.into()) };
    let mut all = first.to_vec();
    for line in std::iter::once(second).chain(lines) {
        all.push(b'\n');
        all.extend_from_slice(line);
    }
    Some(all.into())
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn run(meter: &mut StreamMeter, pieces: impl IntoIterator<Item = Bytes>) -> String {
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
            let mut meter = StreamMeter::new(true);
            let pieces = STREAM.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            assert_eq!(run(&mut meter, pieces), STREAM, "in pieces of {size}");
            assert!(meter.is_done());
            assert_eq!(meter.reported.as_ref().unwrap().tokens.total, 5);
            assert_eq!(meter.content_bytes, 5);
        }
    }

    #[test]
    fn usage_is_withheld_from_a_caller_who_did_not_ask() {
        for size in 1..STREAM.len() {
            let mut meter = StreamMeter::new(false);
            let pieces = STREAM.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            assert_eq!(run(&mut meter, pieces), STREAM.replace(USAGE, ""), "in pieces of {size}");
            assert_eq!(meter.reported.as_ref().unwrap().tokens.total, 5);
        }
    }

    #[test]
    fn complete_events_are_not_copied() {
        let bytes = Bytes::from_static(STREAM.as_bytes());
        let mut out = VecDeque::new();
        StreamMeter::new(true).feed(bytes.clone(), &mut out);
        assert!(out.iter().all(|event| bytes.as_ptr_range().contains(&event.as_ptr())));
    }

    #[test]
    fn usage_beside_text_is_not_withheld() {
        let event = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n";
        let mut meter = StreamMeter::new(false);
        assert_eq!(run(&mut meter, [Bytes::from(event)]), event);
        assert!(meter.reported.is_some());
    }

    #[test]
    fn what_follows_done_is_dropped() {
        let mut meter = StreamMeter::new(true);
        assert_eq!(run(&mut meter, [Bytes::from("data: [DONE]\n\ngarbage")]), "data: [DONE]\n\n");
    }

    #[test]
    fn an_endless_line_passes_without_being_kept() {
        let mut meter = StreamMeter::new(false);
        let mut out = VecDeque::new();
        for _ in 0..20 {
            meter.feed(Bytes::from(vec![b'x'; 1 << 20]), &mut out);
        }
        assert!(meter.partial.len() <= MAX_EVENT);
        assert_eq!(out.iter().map(Bytes::len).sum::<usize>(), 20 << 20);
        meter.feed(Bytes::from_static(b"\n\n"), &mut out);
        out.clear();
        meter.feed(Bytes::from_static(b"data: [DONE]\n\n"), &mut out);
        assert!(meter.is_done());
    }

    #[test]
    fn an_event_of_several_data_lines_is_read() {
        let event = "data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
        let mut meter = StreamMeter::new(false);
        assert_eq!(run(&mut meter, [Bytes::from(event)]), "");
        assert_eq!(meter.reported.unwrap().tokens.total, 5);
    }

    #[test]
    fn an_encoded_body_passes_at_once() {
        let mut meter = StreamMeter::opaque();
        let mut out = VecDeque::new();
        meter.feed(Bytes::from_static(b"\x1f\x8b no line feed"), &mut out);
        assert_eq!(out.len(), 1);
        assert!(meter.is_complete() && meter.content_bytes > 0);
    }

    #[test]
    fn half_an_event_does_not_run_into_the_next() {
        let mut out = VecDeque::new();
        let mut unseen = StreamMeter::new(true);
        unseen.feed(Bytes::from_static(b"data: {\"cho"), &mut out);
        unseen.cut(&mut out);
        assert!(out.is_empty(), "nobody can use half an event");
        let mut seen = StreamMeter::new(true);
        seen.feed(Bytes::from(vec![b'x'; MAX_EVENT + 1]), &mut out);
        seen.cut(&mut out);
        assert_eq!(out.pop_back().as_deref(), Some(&b"\n\n"[..]));
    }

    #[test]
    fn garbage_is_passed_on() {
        let garbage = "data: {\"choices\": oops\n\ndata:\n\n\n\nnonsense\n\n";
        let mut meter = StreamMeter::new(false);
        assert_eq!(run(&mut meter, [Bytes::from(garbage)]), garbage);
        assert!(!meter.is_complete());
    }
}
