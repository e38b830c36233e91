//! Where the bytes of an image or a document are.

use std::borrow::Cow;

use super::super::path::At;
use super::DecodeError;

/// Bytes that are in the request, or an address to fetch them from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source<'a> {
    Data { mime: Cow<'a, str>, base64: Cow<'a, str> },
    Url(Cow<'a, str>),
}

impl<'a> Source<'a> {
    /// Reads an address: `data:image/png;base64,…` (RFC 2397), or one on the web.
    pub(super) fn read(url: Cow<'a, str>, at: At<'_>) -> Result<Self, DecodeError> {
        if has_scheme(&url, "data") {
            return Self::data(url, at);
        }
        if has_scheme(&url, "https") || has_scheme(&url, "http") {
            return Ok(Self::Url(url));
        }
        Err(DecodeError::at(at, "must be a data URL or begin with https://"))
    }

    fn data(url: Cow<'a, str>, at: At<'_>) -> Result<Self, DecodeError> {
        let rest = &url["data:".len()..];
        let Some((head, data)) = rest.split_once(',') else {
            return Err(DecodeError::at(at, "is a data URL without a comma"));
        };
        let Some(mime) = head.strip_suffix(";base64") else {
            return Err(DecodeError::at(at, "is a data URL whose data is not marked as base64"));
        };
        // Parameters such as a character set say nothing about the type.
        let mime_len = mime.find(';').unwrap_or(mime.len());
        if mime_len == 0 {
            return Err(DecodeError::at(at, "is a data URL without a media type"));
        }
        check_base64(data, at)?;
        let (start, end) = ("data:".len(), "data:".len() + mime_len);
        let data_at = url.len() - data.len();
        Ok(Self::Data { mime: slice(&url, start, end), base64: slice(&url, data_at, url.len()) })
    }

    /// Whether it is an address that everybody may read in transit.
    pub(crate) fn is_plain_http(&self) -> bool {
        matches!(self, Self::Url(url) if has_scheme(url, "http"))
    }
}

fn has_scheme(url: &str, scheme: &str) -> bool {
    url.split_once(':').is_some_and(|(there, _)| there.eq_ignore_ascii_case(scheme))
}

/// A part of a text, borrowed if the text was.
fn slice<'a>(text: &Cow<'a, str>, start: usize, end: usize) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[start..end]),
        Cow::Owned(text) => Cow::Owned(text[start..end].to_owned()),
    }
}

/// Whether text is base64 of the usual alphabet, padded.
pub(super) fn check_base64(data: &str, at: At<'_>) -> Result<(), DecodeError> {
    let body = data.trim_end_matches('=').as_bytes();
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    if data.is_empty() {
        return Err(DecodeError::at(at, "has no data"));
    }
    if let Some(place) = body.iter().position(|byte| !known(byte)) {
        return Err(DecodeError::at(at, format!("is not base64 at byte {place} of its data")));
    }
    if !data.len().is_multiple_of(4) || data.len() - body.len() > 2 {
        return Err(DecodeError::at(at, "is not base64: its length is no multiple of 4"));
    }
    Ok(())
}
