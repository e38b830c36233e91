//! A JSON array that is written bit by bit: finds its elements as they pass.

use bytes::{Bytes, BytesMut};

use super::sse::MAX_EVENT;

/// Cuts a stream of bytes into the elements of the array that it is, and what stands between them. What it gives back, put
/// together, is what went in.
#[derive(Debug, Default)]
pub struct Elements {
    /// The beginning of an element whose end has not come yet.
    partial: BytesMut,
    /// How deep in brackets the last byte was; the array itself is the first level.
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The caller has got a part of an element whose end has not come: it is too large to be held.
    passing: bool,
    /// The array's elements so far, as far as its end must know.
    state: State,
}

/// What the caller has got of the array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing.
    #[default]
    Before,
    /// Its opening bracket, or a comma: an element may follow.
    Awaiting,
    /// An element: a comma must follow.
    Behind,
    /// Something that is no array of objects.
    Broken,
}

/// A part of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// What stands between elements, or a part of an element that is too large to be held together.
    Between(Bytes),
    /// A whole element.
    Element(Bytes),
    /// The bracket that closes the array, and what stands before it.
    End(Bytes),
    /// Nothing yet: all bytes are used up.
    Nothing,
}

impl Elements {
    /// The next part of the stream, taken from the front of `bytes`.
    pub fn next(&mut self, bytes: &mut Bytes) -> Piece {
        if self.state == State::Broken {
            return Piece::Between(std::mem::take(bytes));
        }
        if self.depth >= 2 { self.within(bytes) } else { self.between(bytes) }
    }

    /// What is left of an element that never ended, if anything is.
    pub fn rest(&mut self) -> Option<Bytes> {
        (!self.partial.is_empty()).then(|| self.partial.split().freeze())
    }

    /// The bracket that closes the array, if it stands just behind an element.
    pub fn close(&self) -> Option<Bytes> {
        (self.state == State::Behind && self.depth == 1).then(|| Bytes::from_static(b"]"))
    }

    /// What makes the array whole again, with `element` as its last. An element that the caller has seen nothing of is
    /// dropped.
    pub fn close_with(&mut self, element: &[u8]) -> Bytes {
        self.partial.clear();
        let opening: &[u8] = match self.state {
            State::Before => b"[",
            State::Behind => b",",
            State::Awaiting | State::Broken => b"",
        };
        [opening, element, b"]"].concat().into()
    }

    /// Between elements: up to the beginning of the next, or the end of the array.
    fn between(&mut self, bytes: &mut Bytes) -> Piece {
        for (at, byte) in bytes.iter().copied().enumerate() {
            match (byte, self.depth, self.state) {
                (b' ' | b'\t' | b'\r' | b'\n', ..) => {}
                (b'[', 0, State::Before) => (self.depth, self.state) = (1, State::Awaiting),
                (b',', 1, State::Behind) => self.state = State::Awaiting,
                (b']', 1, _) => {
                    self.depth = 0;
                    return Piece::End(bytes.split_to(at + 1));
                }
                (b'{', 1, State::Awaiting) => {
                    self.depth = 2;
                    let before = bytes.split_to(at);
                    let opening = bytes.split_to(1);
                    self.partial.extend_from_slice(&opening);
                    return if before.is_empty() { self.within(bytes) } else { Piece::Between(before) };
                }
                _ => {
                    self.state = State::Broken;
                    break;
                }
            }
        }
        Piece::Between(std::mem::take(bytes))
    }

    /// Within an element: up to its end.
    fn within(&mut self, bytes: &mut Bytes) -> Piece {
        let Some(end) = self.end(bytes) else {
            if !self.passing && self.partial.len() + bytes.len() <= MAX_EVENT {
                self.partial.extend_from_slice(bytes);
                bytes.clear();
                return Piece::Nothing;
            }
            self.passing = true;
            self.partial.extend_from_slice(bytes);
            bytes.clear();
            return Piece::Between(self.partial.split().freeze());
        };
        self.state = State::Behind;
        let last = bytes.split_to(end);
        if std::mem::take(&mut self.passing) {
            return Piece::Between(last);
        }
        self.partial.extend_from_slice(&last);
        Piece::Element(self.partial.split().freeze())
    }

    /// Just behind the bracket that closes the element.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().copied().enumerate() {
            if self.in_string {
                match byte {
                    _ if std::mem::take(&mut self.escaped) => {}
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
            if self.depth == 1 {
                return Some(at + 1);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRAY: &str = " [{\"a\":\"]}\\\"\\\\\"}\n,\r\n{\"b\":[{},[]]} , {} ]";

    fn pieces(array: &str, size: usize) -> (String, Vec<String>, bool) {
        let (mut elements, mut all, mut found, mut ended) = (Elements::default(), String::new(), Vec::new(), false);
        for bytes in array.as_bytes().chunks(size) {
            let mut bytes = Bytes::copy_from_slice(bytes);
            while !bytes.is_empty() {
                let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
                match elements.next(&mut bytes) {
                    Piece::Between(between) => all += &text(between),
                    Piece::Element(element) => {
                        found.push(text(element));
                        all += found.last().unwrap();
                    }
                    Piece::End(end) => {
                        ended = true;
                        all += &text(end);
                    }
                    Piece::Nothing => {}
                }
            }
        }
        (all, found, ended)
    }

    #[test]
    fn elements_are_found_however_the_stream_is_cut() {
        for size in 1..=ARRAY.len() {
            let (all, found, ended) = pieces(ARRAY, size);
            assert_eq!(all, ARRAY, "in pieces of {size}");
            assert_eq!(found, ["{\"a\":\"]}\\\"\\\\\"}", "{\"b\":[{},[]]}", "{}"], "in pieces of {size}");
            assert!(ended);
        }
    }

    #[test]
    fn an_empty_array_ends_and_a_broken_one_does_not() {
        assert!(pieces("[ ]", 1).2);
        for broken in ["", "[", "{}", "[7]", "[{}{}]", "x[]"] {
            let (all, found, ended) = pieces(broken, 1);
            assert!(all == broken && !ended && found.len() <= 1, "{broken}");
        }
    }

    #[test]
    fn an_endless_element_is_not_kept() {
        let mut elements = Elements::default();
        let mut out = 0;
        let mut bytes = Bytes::from_static(b"[{\"a\":\"");
        while !bytes.is_empty() {
            if let Piece::Between(between) = elements.next(&mut bytes) {
                out += between.len();
            }
        }
        for _ in 0..10 {
            let mut bytes = Bytes::from(vec![b'x'; 1 << 20]);
            if let Piece::Between(between) = elements.next(&mut bytes) {
                out += between.len();
            }
            assert!(elements.partial.len() <= MAX_EVENT);
        }
        assert_eq!(out, 7 + (10 << 20));
        let mut end = Bytes::from_static(b"\"}]");
        assert_eq!(elements.next(&mut end), Piece::Between(Bytes::from_static(b"\"}")));
        assert_eq!(elements.next(&mut end), Piece::End(Bytes::from_static(b"]")));
    }
}
