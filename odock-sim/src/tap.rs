//! A copy of what a connection received, for what the parsed request does not tell: the order and case of headers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::HeaderMap;
use memchr::memmem;

/// The longest head of a request that is kept.
const MAX_HEAD: usize = 256 << 10;

/// What came in since the last request, as far as a head can reach.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tap(Arc<Mutex<Vec<u8>>>);

impl Tap {
    /// Notes what was read.
    pub(crate) fn feed(&self, read: &[u8]) {
        let mut bytes = self.bytes();
        let room = MAX_HEAD - bytes.len();
        bytes.extend_from_slice(&read[..read.len().min(room)]);
    }

    /// The header lines of the request whose head was read last, in order. Where the copy does not show them (the head
    /// is too long, or came before the end of the request before), they are in the order of the parsed ones.
    pub(crate) fn head(&self, parsed: &HeaderMap) -> Vec<(String, Bytes)> {
        lines(&self.bytes()).filter(|lines| same(lines, parsed)).unwrap_or_else(|| {
            parsed.iter().map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes()))).collect()
        })
    }

    /// Forgets a request that was read to its end.
    pub(crate) fn clear(&self) {
        self.bytes().clear();
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The header lines of a head, without the request line.
fn lines(bytes: &[u8]) -> Option<Vec<(String, Bytes)>> {
    let head = &bytes[..memmem::find(bytes, b"\r\n\r\n")?];
    let (_, headers) = head.split_at(memmem::find(head, b"\r\n").unwrap_or(head.len()));
    let lines = headers.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let colon = memchr::memchr(b':', line)?;
            let name = std::str::from_utf8(&line[..colon]).ok()?;
            Some((name.to_owned(), Bytes::copy_from_slice(line[colon + 1..].trim_ascii())))
        })
        .collect()
}

/// Whether these are the headers that were parsed.
fn same(lines: &[(String, Bytes)], parsed: &HeaderMap) -> bool {
    lines.len() == parsed.len()
        && lines.iter().all(|(name, value)| parsed.get_all(name.as_str()).iter().any(|other| other.as_bytes() == value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tap: &Tap, parsed: &HeaderMap) -> Vec<(String, String)> {
        let text = |value: Bytes| String::from_utf8_lossy(&value).into_owned();
        tap.head(parsed).into_iter().map(|(name, value)| (name, text(value))).collect()
    }

    #[test]
    fn lines_keep_order_case_and_repetition() {
        let mut parsed = HeaderMap::new();
        for (name, value) in [("x-a", "2"), ("b", "1"), ("x-a", "3")] {
            parsed.append(name, value.parse().unwrap());
        }
        let tap = Tap::default();
        tap.feed(b"GET / HTTP/1.1\r\nX-A: 2\r\nB:1\r\n");
        tap.feed(b"x-a:  3 \r\n\r\nbody");
        let expected =
            [("X-A", "2"), ("B", "1"), ("x-a", "3")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(shown(&tap, &parsed), expected);
        tap.clear();
        tap.feed(b"GET / HTTP/1.1\r\nother: 1\r\n\r\n");
        assert_eq!(shown(&tap, &parsed).len(), 3, "what was not read is taken from the parsed headers");
    }
}
