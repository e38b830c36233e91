//! Server-sent events (WHATWG HTML, section 9.2): cuts a stream of bytes into events, and finds their data.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use memchr::memchr;

/// The largest event that is held together, unless a family has larger ones; anything larger passes in parts.
pub const MAX_EVENT: usize = 4 << 20;
/// The same where an event may hold an image, or a whole answer: as large as a whole answer may be.
pub const LARGE_EVENT: usize = 64 << 20;

/// Cuts a stream into events. What it gives back, put together, is what went in.
#[derive(Debug)]
pub struct Framer {
    /// The beginning of an event whose end has not come yet.
    partial: BytesMut,
    passing: bool,
    most: usize,
}

impl Default for Framer {
    fn default() -> Self {
        Self::holding(MAX_EVENT)
    }
}

/// A part of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole event, its blank line included.
    Event(Bytes),
    /// A part of an event that is too large to be held together.
    Part(Bytes),
    /// The last part of one.
    LastPart(Bytes),
}

impl Framer {
    /// A framer that holds events of up to `most` bytes together.
    #[must_use]
    pub fn holding(most: usize) -> Self {
        Self { partial: BytesMut::new(), passing: false, most }
    }

    /// The next part of the stream, taken from the front of `bytes`; `None` when all of them are used up.
    pub fn next(&mut self, bytes: &mut Bytes) -> Option<Frame> {
        if bytes.is_empty() {
            return None;
        }
        let Some(end) = self.event_end(bytes) else {
            if self.partial.len() + bytes.len() <= self.most && !self.passing {
                self.partial.extend_from_slice(bytes);
                bytes.clear();
                return None;
            }
            self.passing = true;
            if !self.partial.is_empty() {
                return Some(Frame::Part(self.partial.split().freeze()));
            }
            return Some(Frame::Part(std::mem::take(bytes)));
        };
        let event = bytes.split_to(end);
        if std::mem::take(&mut self.passing) {
            return Some(Frame::LastPart(event));
        }
        if self.partial.is_empty() {
            return Some(Frame::Event(event));
        }
        self.partial.extend_from_slice(&event);
        Some(Frame::Event(self.partial.split().freeze()))
    }

    /// What is left of an event that never ended, if anything is.
    pub fn rest(&mut self) -> Option<Bytes> {
        (!self.partial.is_empty()).then(|| self.partial.split().freeze())
    }

    /// Forgets what is left of an event that never ended.
    pub fn clear(&mut self) {
        self.partial.clear();
        self.passing = false;
    }

    /// Bytes that are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.partial.len()
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
}

/// The data of an event; `None` if it has none, as a comment. Nearly all events have it in one line; of several, a line
/// feed joins them.
#[must_use]
pub fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
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

    const STREAM: &str = ": hello\n\n\ndata: {\"a\":1}\n\ndata: b\r\n\r\nevent: x\ndata: c\ndata: d\n\nend";

    #[test]
    fn events_are_found_however_the_stream_is_cut() {
        for size in 1..=STREAM.len() {
            let (mut framer, mut events) = (Framer::default(), Vec::new());
            for piece in STREAM.as_bytes().chunks(size) {
                let mut piece = Bytes::copy_from_slice(piece);
                while let Some(Frame::Event(event)) = framer.next(&mut piece) {
                    events.push(event);
                }
            }
            events.extend(framer.rest());
            let texts: Vec<_> = events.iter().map(|event| data(event).map(|data| data.into_owned())).collect();
            assert_eq!(events.concat(), STREAM.as_bytes(), "in pieces of {size}");
            assert_eq!(
                texts,
                [None, Some(b"{\"a\":1}".to_vec()), Some(b"b".to_vec()), Some(b"c\nd".to_vec()), None],
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn an_endless_line_is_not_kept() {
        let mut framer = Framer::default();
        let mut out = 0;
        for _ in 0..20 {
            let mut bytes = Bytes::from(vec![b'x'; 1 << 20]);
            while let Some(Frame::Part(part)) = framer.next(&mut bytes) {
                out += part.len();
            }
            assert!(framer.held() <= MAX_EVENT);
        }
        assert_eq!(out, 20 << 20);
        let mut end = Bytes::from_static(b"\n\ndata: x\n\n");
        assert!(matches!(framer.next(&mut end), Some(Frame::LastPart(_))));
        assert!(matches!(framer.next(&mut end), Some(Frame::Event(_))));
    }
}
