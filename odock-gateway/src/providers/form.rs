//! A form with files (`multipart/form-data`, RFC 7578): read as it comes, and sent on with the caller's own bytes but for
//! a few fields.
//!
//! What is kept of a file is where it stands; its bytes are in a [`Spooled`] body, in memory only if they are few.

use std::collections::VecDeque;
use std::ops::Range;

use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use memchr::memmem;

use super::call::DecodeError;
use crate::spool::{Piece, Spooled};

/// The most parts that a form may have.
const MAX_PARTS: usize = 128;
/// The largest head of a part.
const MAX_HEAD: usize = 8 << 10;
/// The largest field that is no file. Prompts have a tenth of that.
const MAX_TEXT: usize = 1 << 20;
/// The longest boundary (RFC 2046, section 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// One part of a form.
#[derive(Debug)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// Where its content stands in the body.
    pub content: Range<u64>,
    /// The content, unless it is a file.
    pub text: Option<String>,
}

/// A form, read to its end.
#[derive(Debug)]
pub struct Form {
    boundary: String,
    parts: Vec<Part>,
    /// Where the first delimiter begins: a place for another part.
    first: u64,
    content: Spooled,
    digest: Bytes,
}

impl Form {
    /// The text of a field, if the form has it.
    ///
    /// # Errors
    /// When it stands there twice, or as a file.
    pub fn text(&self, name: &str) -> Result<Option<&str>, DecodeError> {
        let mut found = self.parts.iter().filter(|part| part.name == name);
        let Some(part) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(DecodeError::new(format!("\"{name}\" stands twice")));
        }
        match &part.text {
            Some(text) => Ok(Some(text)),
            None => Err(DecodeError::new(format!("\"{name}\" must be a text field, not a file"))),
        }
    }

    /// The name of the model, which the form must have.
    ///
    /// # Errors
    /// When it has none, or not as one text.
    pub fn model(&self) -> Result<&str, DecodeError> {
        match self.text("model")? {
            None => Err(DecodeError::new("\"model\" is missing: the form needs a text field of that name")),
            Some("") => Err(DecodeError::new("\"model\" is empty")),
            Some(model) => Ok(model),
        }
    }

    /// A field that is a whole number of `least` or more.
    ///
    /// # Errors
    /// When it is something else.
    pub fn whole(&self, name: &str, least: u64) -> Result<Option<u64>, DecodeError> {
        let Some(text) = self.text(name)?.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
        match text.parse() {
            Ok(number) if number >= least => Ok(Some(number)),
            _ => Err(DecodeError::new(format!("\"{name}\" must be a whole number of {least} or more"))),
        }
    }

    /// A field that is true or false; false if it is not there. Clients in Python write them with a capital.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag(&self, name: &str) -> Result<bool, DecodeError> {
        match self.text(name)?.map(|text| text.trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(DecodeError::new(format!("\"{name}\" must be true or false"))),
        }
    }

    /// The sizes of the files.
    pub fn files(&self) -> impl Iterator<Item = u64> {
        self.parts.iter().filter(|part| part.text.is_none()).map(|part| part.content.end - part.content.start)
    }

    /// Bytes of the body as it came.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.content.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// By what the same form is known when it comes again, whatever its boundary is then.
    #[must_use]
    pub fn digest(&self) -> &Bytes {
        &self.digest
    }

    /// The body for the upstream: the caller's own bytes, with these fields changed or added.
    #[must_use]
    pub fn encode(&self, fields: &[(&str, &str)]) -> VecDeque<Piece> {
        let mut edits: Vec<(Range<u64>, Bytes)> = fields.iter().filter_map(|field| self.edit(field)).collect();
        edits.sort_by_key(|(at, _)| (at.start, at.end));
        let mut pieces = VecDeque::with_capacity(2 * edits.len() + 1);
        let mut from = 0;
        for (at, text) in edits {
            pieces.extend(self.content.piece(from..at.start));
            pieces.push_back(text.into());
            from = at.end;
        }
        pieces.extend(self.content.piece(from..self.content.len()));
        pieces
    }

    fn edit(&self, (name, value): &(&str, &str)) -> Option<(Range<u64>, Bytes)> {
        match self.parts.iter().find(|part| part.name == *name) {
            Some(part) if part.text.as_deref() == Some(value) => None,
            Some(part) => Some((part.content.clone(), Bytes::copy_from_slice(value.as_bytes()))),
            None => {
                let part = format!(
                    "--{}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n",
                    self.boundary
                );
                Some((self.first..self.first, part.into()))
            }
        }
    }
}

/// Reads a form as it comes.
#[derive(Debug)]
pub struct FormReader {
    boundary: String,
    /// A line feed and the delimiter: how parts end.
    delimiter: Vec<u8>,
    state: State,
    /// What was fed and is not understood yet.
    rest: BytesMut,
    /// Where that begins in the body.
    at: u64,
    first: Option<u64>,
    parts: Vec<Part>,
    digest: Digest,
}

/// What comes next.
#[derive(Debug)]
enum State {
    /// The first delimiter.
    Preamble,
    /// What follows a delimiter: the end of its line, or of the form.
    Delimited,
    /// The head of a part.
    Head,
    /// Its content.
    Content(Content),
    /// Nothing that counts.
    Ended,
}

#[derive(Debug)]
struct Content {
    name: String,
    start: u64,
    /// The text so far, of what is no file.
    text: Option<Vec<u8>>,
}

struct Digest(digest::Context);

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}

impl FormReader {
    /// A reader of a body of this content type.
    ///
    /// # Errors
    /// When that is not a form's, or names no boundary.
    pub fn new(content_type: &[u8]) -> Result<Self, DecodeError> {
        let boundary = boundary(content_type)?;
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Ok(Self {
            boundary,
            delimiter,
            state: State::Preamble,
            rest: BytesMut::new(),
            at: 0,
            first: None,
            parts: Vec::new(),
            digest: Digest(digest::Context::new(&digest::SHA256)),
        })
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// Says what is wrong with the form.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.rest.extend_from_slice(bytes);
        while self.step()? {}
        Ok(())
    }

    /// The form, once all of its body was fed and is in `content`.
    ///
    /// # Errors
    /// When it has not ended.
    pub fn finish(self, content: Spooled) -> Result<Form, DecodeError> {
        let (State::Ended, Some(first)) = (&self.state, self.first) else {
            return Err(DecodeError::new("the form is not complete: its last boundary is missing"));
        };
        let digest = Bytes::copy_from_slice(self.digest.0.finish().as_ref());
        Ok(Form { boundary: self.boundary, parts: self.parts, first, content, digest })
    }

    /// Understands one thing more; false if that needs more bytes.
    fn step(&mut self) -> Result<bool, DecodeError> {
        match &self.state {
            State::Preamble => self.preamble(),
            State::Delimited => self.delimited(),
            State::Head => self.head(),
            State::Content(_) => self.content(),
            State::Ended => {
                self.take(self.rest.len());
                Ok(false)
            }
        }
    }

    fn preamble(&mut self) -> Result<bool, DecodeError> {
        // The first delimiter has no line feed before it unless something else has.
        let delimiter = &self.delimiter[2..];
        if self.rest.len() < delimiter.len() {
            return Ok(false);
        }
        if self.at == 0 && self.rest.starts_with(delimiter) {
            self.first = Some(0);
            self.take(self.delimiter.len() - 2);
        } else if let Some(found) = memmem::find(&self.rest, &self.delimiter) {
            self.first = Some(self.at + found as u64 + 2);
            self.take(found + self.delimiter.len());
        } else if self.rest.len() > MAX_HEAD {
            return Err(DecodeError::new("the form does not begin with its boundary"));
        } else {
            return Ok(false);
        }
        self.state = State::Delimited;
        Ok(true)
    }

    fn delimited(&mut self) -> Result<bool, DecodeError> {
        if self.rest.starts_with(b"--") {
            self.state = State::Ended;
            return Ok(true);
        }
        // Blanks may stand between a boundary and the end of its line (RFC 2046, section 5.1.1).
        let blanks = self.rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match &self.rest[blanks..] {
            [b'\r', b'\n', ..] => {
                if self.parts.len() == MAX_PARTS {
                    return Err(DecodeError::new(format!("the form has more than {MAX_PARTS} parts")));
                }
                // The line feed may be the one before the blank line that ends an empty head.
                self.take(blanks);
                self.state = State::Head;
                Ok(true)
            }
            [] | [b'\r' | b'-'] if blanks <= MAX_HEAD => Ok(false),
            _ => Err(DecodeError::new("a boundary of the form does not end its line")),
        }
    }

    fn head(&mut self) -> Result<bool, DecodeError> {
        let Some(end) = memmem::find(&self.rest, b"\r\n\r\n") else {
            if self.rest.len() > MAX_HEAD {
                return Err(DecodeError::new("a part of the form has a head that is too large"));
            }
            return Ok(false);
        };
        let head = std::str::from_utf8(&self.rest[..end])
            .map_err(|_| DecodeError::new("the head of a part of the form is not text"))?;
        let (name, is_file) = disposition(head)?;
        self.digest.field(head.as_bytes());
        self.take(end + 4);
        self.state = State::Content(Content { name, start: self.at, text: (!is_file).then(Vec::new) });
        Ok(true)
    }

    fn content(&mut self) -> Result<bool, DecodeError> {
        let found = memmem::find(&self.rest, &self.delimiter);
        // What may be the beginning of a delimiter waits for its end.
        let sure = found.unwrap_or_else(|| self.rest.len().saturating_sub(self.delimiter.len() - 1));
        let bytes = self.take(sure);
        self.digest.0.update(&bytes);
        let State::Content(content) = &mut self.state else { return Ok(false) };
        if let Some(text) = &mut content.text {
            if text.len() + bytes.len() > MAX_TEXT {
                return Err(DecodeError::new(format!("\"{}\" has more than {MAX_TEXT} bytes", content.name)));
            }
            text.extend_from_slice(&bytes);
        }
        if found.is_none() {
            return Ok(false);
        }
        let State::Content(content) = std::mem::replace(&mut self.state, State::Delimited) else { return Ok(false) };
        let range = content.start..self.at;
        self.digest.0.update(&(range.end - range.start).to_be_bytes());
        let text = content.text.map(String::from_utf8).transpose();
        let text = text.map_err(|_| DecodeError::new(format!("\"{}\" is not UTF-8", content.name)))?;
        self.parts.push(Part { name: content.name, content: range, text });
        self.take(self.delimiter.len());
        Ok(true)
    }

    fn take(&mut self, count: usize) -> BytesMut {
        self.at += count as u64;
        self.rest.split_to(count)
    }
}

impl Digest {
    /// Adds something whose end cannot be confused with the beginning of the next.
    fn field(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }
}

/// The boundary that the content type of a form names.
fn boundary(content_type: &[u8]) -> Result<String, DecodeError> {
    const NEEDED: &str = "the body must be a form: send \"Content-Type: multipart/form-data; boundary=…\"";
    let text = std::str::from_utf8(content_type).map_err(|_| DecodeError::new(NEEDED))?;
    let (essence, parameters) = text.split_once(';').ok_or_else(|| DecodeError::new(NEEDED))?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(DecodeError::new(NEEDED));
    }
    let boundary = parameter(parameters, "boundary").ok_or_else(|| DecodeError::new(NEEDED))?;
    let is_plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if boundary.is_empty() || boundary.len() > MAX_BOUNDARY || !boundary.bytes().all(is_plain) {
        return Err(DecodeError::new("the boundary of the form must have 1 to 70 plain characters"));
    }
    Ok(boundary)
}

/// The name of a part, and whether it is a file.
fn disposition(head: &str) -> Result<(String, bool), DecodeError> {
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    let missing =
        || DecodeError::new("a part of the form has no name: it needs Content-Disposition: form-data; name=…");
    let (_, parameters) = disposition.and_then(|value| value.split_once(';')).ok_or_else(missing)?;
    let name = parameter(parameters, "name").ok_or_else(missing)?;
    let is_file = ["filename", "filename*"].iter().any(|name| parameter(parameters, name).is_some());
    Ok((name, is_file))
}

/// A parameter of a header, without its quotes. Semicolons in quotes part nothing.
fn parameter(mut parameters: &str, wanted: &str) -> Option<String> {
    loop {
        let (name, rest) = parameters.split_once('=')?;
        let (value, rest) = value(rest.trim_start())?;
        // What stands before another semicolon has no value.
        if name.rsplit(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        parameters = rest;
    }
}

/// A value, quoted or not, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return Some((text[..end].trim().to_owned(), &text[end..]));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, char) in quoted.char_indices() {
        match char {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Some((value, &quoted[at + 1..])),
            _ => {
                // Files of some browsers have a bare backslash in their names.
                if escaped && !matches!(char, '"' | '\\') {
                    value.push('\\');
                }
                escaped = false;
                value.push(char);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &[u8] = b"multipart/form-data; boundary=\"b0\"";
    const BODY: &[u8] = b"--b0\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nalias\r\n\
        --b0\r\ncontent-disposition: form-data; filename=\"a;\\\"b.png\"; name=\"image[]\"\r\nContent-Type: image/png\r\n\r\n\
        \x89PNG\r\n--b1\r\n\xff\r\n--b0\r\nContent-Disposition: form-data; name=n\r\n\r\n2\r\n--b0--\r\nend";

    fn read(content_type: &[u8], body: &[u8], size: usize) -> Result<Form, DecodeError> {
        let mut reader = FormReader::new(content_type)?;
        body.chunks(size).try_for_each(|piece| reader.feed(piece))?;
        reader.finish(Spooled::in_memory(Bytes::copy_from_slice(body)))
    }

    fn sent(form: &Form, fields: &[(&str, &str)]) -> Vec<u8> {
        let pieces = form.encode(fields).into_iter();
        pieces.flat_map(|piece| piece.in_memory().expect("a small form is in memory")).collect()
    }

    #[test]
    fn a_form_is_understood_however_it_is_cut() {
        for size in 1..BODY.len() {
            let form = read(TYPE, BODY, size).unwrap();
            assert_eq!(form.model().unwrap(), "alias");
            assert_eq!((form.whole("n", 1).unwrap(), form.whole("x", 1).unwrap()), (Some(2), None));
            assert_eq!(form.files().collect::<Vec<_>>(), [b"\x89PNG\r\n--b1\r\n\xff".len() as u64], "pieces of {size}");
            assert_eq!(sent(&form, &[("model", "alias")]), BODY, "nothing changes when nothing must");
        }
    }

    #[test]
    fn only_the_named_fields_change() {
        let form = read(TYPE, BODY, 7).unwrap();
        let sent = sent(&form, &[("model", "gpt-image-1"), ("stream", "true")]);
        let find = |text: &[u8]| memmem::find(&sent, text);
        assert_eq!(find(b"alias"), None);
        let added = b"--b0\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n--b0\r\n";
        assert_eq!(find(added), Some(0));
        let again = read(TYPE, &sent, 1_000).unwrap();
        assert_eq!((again.model().unwrap(), again.flag("stream").unwrap()), ("gpt-image-1", true));
        assert_eq!(again.files().collect::<Vec<_>>(), form.files().collect::<Vec<_>>());
    }

    #[test]
    fn a_form_is_known_again_under_another_boundary() {
        let other: Vec<u8> = BODY.split(|byte| *byte == b'0').collect::<Vec<_>>().join(&b'Z');
        let again = read(b"multipart/form-data; boundary=bZ", &other, 9).unwrap();
        let first = read(TYPE, BODY, 100).unwrap();
        assert_eq!(first.digest(), again.digest());
        let changed: Vec<u8> = BODY.iter().map(|byte| if *byte == 0xff { 0xfe } else { *byte }).collect();
        assert_ne!(first.digest(), read(TYPE, &changed, 100).unwrap().digest());
    }

    #[test]
    fn mistakes_are_named() {
        let part = |head: &str, text: &str| format!("--b0\r\n{head}\r\n\r\n{text}\r\n--b0--");
        let named = |name: &str, text: &str| part(&format!("Content-Disposition: form-data; {name}"), text);
        let twice = format!(
            "{}{}",
            &named("name=model", "a").trim_end_matches("--"),
            "\r\nContent-Disposition: form-data; name=model\r\n\r\nb\r\n--b0--"
        );
        let cases = [
            (String::new(), "not complete"),
            ("--b0".into(), "not complete"),
            ("--b0\r\nContent-Disposition: form-data; name=model\r\n\r\na".into(), "not complete"),
            ("x".repeat(9_000), "does not begin with its boundary"),
            ("--b0x\r\n".into(), "does not end its line"),
            ("--b0--".into(), "\"model\" is missing"),
            (named("name=\"n\"", "1"), "\"model\" is missing"),
            (named("name=model", ""), "\"model\" is empty"),
            (named("name=model; filename=x", "a"), "must be a text field"),
            (twice, "\"model\" stands twice"),
            (part("Content-Type: text/plain", "a"), "has no name"),
            (part("Content-Disposition: form-data", "a"), "has no name"),
            (format!("--b0\r\nX: {}", "x".repeat(9_000)), "head that is too large"),
            (named("name=prompt", &"x".repeat(MAX_TEXT + 1)), "\"prompt\" has more than"),
            (
                format!("{}--b0--", "--b0\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n".repeat(129)),
                "more than 128",
            ),
        ];
        for (body, expected) in cases {
            let form = read(TYPE, body.as_bytes(), 4_096).and_then(|form| form.model().map(str::to_owned));
            let error = form.unwrap_err().to_string();
            assert!(error.contains(expected), "{}: {error}", &body[..body.len().min(80)]);
        }
        for wrong in [&b"application/json"[..], b"multipart/form-data", b"multipart/mixed; boundary=x", b"\xff"] {
            assert!(FormReader::new(wrong).unwrap_err().to_string().contains("multipart/form-data"));
        }
        assert!(FormReader::new(b"multipart/form-data; boundary=").is_err());
    }

    #[test]
    fn numbers_and_flags_are_read() {
        let body = "--b0\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nmany\r\n--b0\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\nTrue\r\n--b0\r\nContent-Disposition: form-data; name=\"odd\"\r\n\r\nperhaps\r\n--b0--";
        let form = read(TYPE, body.as_bytes(), 64).unwrap();
        assert!(form.whole("n", 1).unwrap_err().to_string().contains("\"n\" must be a whole number"));
        assert!(form.flag("stream").unwrap() && !form.flag("absent").unwrap());
        assert!(form.flag("odd").unwrap_err().to_string().contains("true or false"));
    }
}
