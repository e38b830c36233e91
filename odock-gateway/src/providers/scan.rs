//! The fields of a JSON object, found without building anything of it.
//!
//! Nearly all of a request is text that nobody reads here. This walks over it as fast as memory is searched, and takes
//! exactly what RFC 8259 and serde_json take. What it does not take is read by serde_json again, which has words for it.

use std::ops::Range;

/// Shows `see` each field at the top of an object: its name and its value, as they stand in `text`. `None` if `text` is
/// anything but one JSON object, if a name is written with an escape, or if `see` has seen enough of it.
pub(super) fn fields<'a>(text: &'a str, mut see: impl FnMut(&'a str, &'a str) -> Option<()>) -> Option<()> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, open: Vec::new() };
    scan.space();
    scan.expect(b'{')?;
    scan.space();
    if !scan.take(b'}') {
        loop {
            let name = scan.name()?;
            let from = scan.at;
            scan.value()?;
            see(text.get(name)?, text.get(from..scan.at)?)?;
            scan.space();
            if scan.take(b'}') {
                break;
            }
            scan.expect(b',')?;
            scan.space();
        }
    }
    scan.space();
    (scan.at == text.len()).then_some(())
}

/// The values of the named fields at the top of an object. `None` also if a named field stands twice.
pub(super) fn named<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Option<[Option<&'a str>; N]> {
    let mut found = [None; N];
    fields(text, |name, value| match names.iter().position(|known| *known == name) {
        Some(known) => found[known].replace(value).is_none().then_some(()),
        None => Some(()),
    })?;
    Some(found)
}

/// A place in a text, and the arrays and objects that are open there within the value that is being walked over.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Vec<Bracket>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Array,
    Object,
}

/// Strings up to this length are walked over byte by byte: setting out to search costs more.
const SHORT: usize = 16;

/// Bytes that do not stand for themselves in a JSON string: the quote, the backslash, and those that must be escaped.
pub(crate) static SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = true;
        byte += 1;
    }
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special
};

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over a byte, if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The name of a field at the top, which has no escape, its colon, and the space up to its value.
    fn name(&mut self) -> Option<Range<usize>> {
        self.expect(b'"')?;
        let from = self.at;
        if self.string()? {
            return None;
        }
        let name = from..self.at - 1;
        self.colon()?;
        Some(name)
    }

    fn colon(&mut self) -> Option<()> {
        self.space();
        self.expect(b':')?;
        self.space();
        Some(())
    }

    /// Steps over a value. Keeps count of brackets itself, so that no depth of nesting overflows the stack.
    fn value(&mut self) -> Option<()> {
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    self.string()?;
                }
                b'{' => {
                    self.at += 1;
                    self.space();
                    if !self.take(b'}') {
                        self.open.push(Bracket::Object);
                        self.inner_name()?;
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.space();
                    if !self.take(b']') {
                        self.open.push(Bracket::Array);
                        continue;
                    }
                }
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            }
            if self.closed()? {
                return Some(());
            }
        }
    }

    /// After a value: closes what ends here and says whether that was all, or goes on to the next value.
    fn closed(&mut self) -> Option<bool> {
        while let Some(bracket) = self.open.last().copied() {
            self.space();
            let next = self.peek()?;
            self.at += 1;
            match (bracket, next) {
                (Bracket::Array, b']') | (Bracket::Object, b'}') => {
                    self.open.pop();
                }
                (Bracket::Array, b',') => {
                    self.space();
                    return Some(false);
                }
                (Bracket::Object, b',') => {
                    self.space();
                    self.inner_name()?;
                    return Some(false);
                }
                _ => return None,
            }
        }
        Some(true)
    }

    fn inner_name(&mut self) -> Option<()> {
        self.expect(b'"')?;
        self.string()?;
        self.colon()
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_next = self.bytes[self.at..].starts_with(word);
        self.at += word.len();
        is_next.then_some(())
    }

    /// Steps over the rest of a string behind its opening quote, and says whether it has an escape.
    fn string(&mut self) -> Option<bool> {
        let mut escaped = false;
        loop {
            let rest = &self.bytes[self.at..];
            let (start, long) = rest.split_at(rest.len().min(SHORT));
            let stop = match start.iter().position(|byte| SPECIAL[usize::from(*byte)]) {
                Some(stop) => stop,
                None => {
                    let stop = memchr::memchr2(b'"', b'\\', long)?;
                    // All of it, and not up to the first: so the compiler compares many at once.
                    if long[..stop].iter().fold(false, |found, byte| found | (*byte < 0x20)) {
                        return None;
                    }
                    start.len() + stop
                }
            };
            self.at += stop + 1;
            match rest[stop] {
                b'"' => return Some(escaped),
                b'\\' => self.escape()?,
                _ => return None,
            }
            escaped = true;
        }
    }

    /// Steps over an escape behind its backslash.
    fn escape(&mut self) -> Option<()> {
        let word = self.peek()?;
        self.at += 1;
        match word {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.bytes.get(self.at..self.at + 4)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn values_come_as_they_stand() {
        let text = "\n{ \"b\" : [1, {\"a\":2}] ,\"a\":\"x\\\"y\" , \"c\":{}, \"long\": \"0123456789abcdef\\u00e9 and more than that\",\"d\":-1.5e+3} \t";
        assert_eq!(
            named(text, ["a", "b", "c", "d", "e"]),
            Some([Some("\"x\\\"y\""), Some("[1, {\"a\":2}]"), Some("{}"), Some("-1.5e+3"), None])
        );
        assert_eq!(named(" {} ", ["a"]), Some([None]));
    }

    #[test]
    fn what_is_unclear_is_left_to_others() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"\u0061":1}"#, "[]", "null", "7", "\"a\""] {
            assert_eq!(named(text, ["a"]), None, "{text}");
        }
        assert!(named(r#"{"b":1,"b":2}"#, ["a"]).is_some(), "of others nobody asks");
    }

    #[test]
    fn no_depth_is_too_deep() {
        let text = format!("{{\"a\":{}{}}}", "[{\"x\":".repeat(100_000) + "1", "}]".repeat(100_000));
        assert!(named(&text, ["a"]).unwrap()[0].is_some());
    }

    /// What serde_json, the measure of what is JSON, makes of the same text.
    fn expected(text: &str) -> Option<BTreeMap<String, &RawValue>> {
        if !text.trim_ascii_start().starts_with('{') {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    #[test]
    fn it_takes_what_serde_json_takes_and_nothing_else() {
        let seeds = [
            r#"{"a":"x\n\u00e9\\","b":[true,false,null,{"c":[]}],"d":-0.5e-7,"e":"é€😀 and so on, for more than sixteen"}"#,
            "{\"a\":0,\"b\":10,\"c\":1E5,\"d\":{\"e\":{},\"f\":[ ]},\t\"g\":\"\"}",
            r#"{"messages":[{"role":"user","content":"Please say which limits apply to the key, and why."}],"n":2}"#,
        ];
        let pieces: &[&str] = &[
            "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "1", "-", ".", "e", "+", " ", "\n", "\u{1}", "\u{7f}", "u",
            "t", "null", "true", "\\u12", "\\ud800", "é", "\u{2028}",
        ];
        let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
        let mut roll = |below: usize| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            usize::try_from(dice % below as u64).unwrap()
        };
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..60_000 {
            let mut chars: Vec<char> = seeds[roll(seeds.len())].chars().collect();
            for _ in 0..roll(3) {
                let at = roll(chars.len() + 1);
                match roll(3) {
                    0 if at < chars.len() => drop(chars.remove(at)),
                    1 if at < chars.len() => drop(chars.splice(at..=at, pieces[roll(pieces.len())].chars())),
                    _ => drop(chars.splice(at..at, pieces[roll(pieces.len())].chars())),
                }
            }
            let text: String = chars.into_iter().collect();
            let found = named(&text, ["a", "b", "d", "messages"]);
            match (found, expected(&text)) {
                (Some(found), Some(expected)) => {
                    taken += 1;
                    for (name, value) in ["a", "b", "d", "messages"].iter().zip(found) {
                        assert_eq!(value, expected.get(*name).map(|raw| raw.get()), "{name} in {text}");
                    }
                }
                // A name twice, or with an escape.
                (None, Some(_)) => {}
                (None, None) => refused += 1,
                (Some(_), None) => panic!("serde_json does not take {text}"),
            }
        }
        assert!(taken > 5_000 && refused > 5_000, "{taken} taken, {refused} refused");
    }
}
