//! A stream on its way past: bytes go out as they come, and what they say of usage is read off.

use std::collections::VecDeque;
use std::fmt::Debug;

use bytes::Bytes;
use entity::usage::TokenUsage;

use super::sse::{self, Frame, Framer};
use super::usage::Reported;

/// What a stream was seen to carry so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What the provider reported, if it did.
    pub reported: Option<Reported>,
    /// What the provider reported of the prompt before it said what the answer comes to.
    pub prompt: Option<TokenUsage>,
    /// Bytes of content that passed: text, reasoning, arguments of tools.
    pub content_bytes: usize,
    /// Content has passed, be it empty: from here on another upstream can no longer take over.
    pub has_content: bool,
    /// An error of the upstream passed.
    pub upstream_error: bool,
    /// The answer is whole as far as its content goes: there was a reason why it ended.
    pub finished: bool,
    /// The last event of the protocol passed, after which nothing matters.
    pub done: bool,
}

impl Seen {
    /// Whether the answer is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.done || self.finished
    }
}

/// Reads a stream as it passes to its caller.
pub trait Meter: Debug + Send {
    /// Takes bytes of the upstream and adds to `out` what goes to the caller.
    fn feed(&mut self, bytes: Bytes, out: &mut VecDeque<Bytes>);

    /// The upstream's body has ended: what was held back goes out.
    fn finish(&mut self, out: &mut VecDeque<Bytes>);

    /// Ends the stream with an error in place of whatever was to come, its body in the caller's dialect.
    fn fail(&mut self, error: &[u8], out: &mut VecDeque<Bytes>);

    /// What passed so far.
    fn seen(&self) -> &Seen;

    /// What passed so far, to be taken out.
    fn seen_mut(&mut self) -> &mut Seen;
}

/// What is to become of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The caller gets it, byte for byte.
    Pass,
    /// It was made for the gateway alone.
    Withhold,
}

/// Reads the events of one family's streams.
pub trait ReadEvents: Debug + Send {
    /// Learns from the data of an event.
    fn read(&mut self, data: &[u8], seen: &mut Seen) -> Verdict;

    /// The name of the event that carries an error, where the family gives its events names.
    fn error_event(&self) -> Option<&'static str> {
        None
    }

    /// The data of an event that carries `error`, where it is more than an error's body in the caller's dialect.
    fn error_data(&self, _error: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// The largest event that must be read whole.
    fn max_event(&self) -> usize {
        sse::MAX_EVENT
    }
}

/// A meter of server-sent events: all but those that are withheld go out as the very bytes that came in, an event at a
/// time.
#[derive(Debug)]
pub struct EventMeter<R> {
    reader: R,
    framer: Framer,
    seen: Seen,
    /// The caller has got a part of an event whose end has not come.
    mid_event: bool,
}

impl<R: ReadEvents> EventMeter<R> {
    /// A meter that reads with `reader`.
    #[must_use]
    pub fn new(reader: R) -> Self {
        let framer = Framer::holding(reader.max_event());
        Self { reader, framer, seen: Seen::default(), mid_event: false }
    }

    fn read(&mut self, event: &[u8]) -> Verdict {
        match sse::data(event) {
            Some(data) => self.reader.read(&data, &mut self.seen),
            None => Verdict::Pass,
        }
    }
}

impl<R: ReadEvents> Meter for EventMeter<R> {
    fn feed(&mut self, mut bytes: Bytes, out: &mut VecDeque<Bytes>) {
        // After the last event there is nothing that a caller could use.
        while !self.seen.done {
            let Some(frame) = self.framer.next(&mut bytes) else { return };
            match frame {
                Frame::Event(event) => {
                    if self.read(&event) == Verdict::Pass {
                        out.push_back(event);
                    }
                }
                Frame::Part(part) => {
                    self.mid_event = true;
                    out.push_back(part);
                }
                Frame::LastPart(part) => {
                    self.mid_event = false;
                    out.push_back(part);
                }
            }
        }
    }

    fn finish(&mut self, out: &mut VecDeque<Bytes>) {
        let Some(event) = self.framer.rest() else { return };
        // A last event without its blank line counts as one: some servers forget it.
        if self.read(&event) == Verdict::Pass {
            self.mid_event = true;
            out.push_back(event);
        }
    }

    fn fail(&mut self, error: &[u8], out: &mut VecDeque<Bytes>) {
        // Half an event that the caller has not seen is dropped; one that it has seen the beginning of is ended, so that
        // the two do not run together.
        self.framer.clear();
        if std::mem::take(&mut self.mid_event) {
            out.push_back(Bytes::from_static(b"\n\n"));
        }
        let data = self.reader.error_data(error);
        let error = data.as_deref().unwrap_or(error);
        let mut event = Vec::with_capacity(error.len() + 32);
        if let Some(name) = self.reader.error_event() {
            event.extend_from_slice(b"event: ");
            event.extend_from_slice(name.as_bytes());
            event.push(b'\n');
        }
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(error);
        event.extend_from_slice(b"\n\n");
        out.push_back(event.into());
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn seen_mut(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

/// A meter of a body in an encoding such as gzip, which passes unread; its end is its end.
#[derive(Debug)]
pub struct Opaque(Seen);

impl Default for Opaque {
    fn default() -> Self {
        Self(Seen { finished: true, ..Seen::default() })
    }
}

impl Meter for Opaque {
    fn feed(&mut self, bytes: Bytes, out: &mut VecDeque<Bytes>) {
        self.0.content_bytes += bytes.len();
        self.0.has_content = true;
        out.push_back(bytes);
    }

    fn finish(&mut self, _: &mut VecDeque<Bytes>) {}

    /// The caller could make no sense of it.
    fn fail(&mut self, _: &[u8], _: &mut VecDeque<Bytes>) {}

    fn seen(&self) -> &Seen {
        &self.0
    }

    fn seen_mut(&mut self) -> &mut Seen {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Named;

    impl ReadEvents for Named {
        fn read(&mut self, data: &[u8], seen: &mut Seen) -> Verdict {
            seen.content_bytes += data.len();
            if data == b"hide" { Verdict::Withhold } else { Verdict::Pass }
        }

        fn error_event(&self) -> Option<&'static str> {
            Some("error")
        }
    }

    fn text(out: VecDeque<Bytes>) -> String {
        String::from_utf8(out.into_iter().flatten().collect()).unwrap()
    }

    #[test]
    fn an_encoded_body_passes_at_once() {
        let mut meter = Opaque::default();
        let mut out = VecDeque::new();
        meter.feed(Bytes::from_static(b"\x1f\x8b no line feed"), &mut out);
        meter.fail(b"{}", &mut out);
        assert_eq!(out.len(), 1);
        assert!(meter.seen().is_complete() && meter.seen().content_bytes > 0);
    }

    #[test]
    fn half_an_event_does_not_run_into_the_error() {
        let mut unseen = EventMeter::new(Named);
        let mut out = VecDeque::new();
        unseen.feed(Bytes::from_static(b"data: {\"cho"), &mut out);
        unseen.fail(b"{}", &mut out);
        assert_eq!(text(out), "event: error\ndata: {}\n\n", "nobody can use half an event");
        let mut seen = EventMeter::new(Named);
        let mut out = VecDeque::new();
        seen.feed(Bytes::from(vec![b'x'; sse::MAX_EVENT + 1]), &mut out);
        seen.fail(b"{}", &mut out);
        assert!(text(out).ends_with("x\n\nevent: error\ndata: {}\n\n"));
    }

    #[test]
    fn what_is_not_for_the_caller_is_withheld() {
        let mut meter = EventMeter::new(Named);
        let mut out = VecDeque::new();
        meter.feed(Bytes::from_static(b"data: a\n\ndata: hide\n\n: c\n\ndata: hide"), &mut out);
        meter.finish(&mut out);
        assert_eq!(text(out), "data: a\n\n: c\n\n");
    }
}
