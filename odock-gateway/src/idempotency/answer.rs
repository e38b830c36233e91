//! An answer that is kept to be given again.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

/// Headers without which a body cannot be understood, or used.
const KEPT: [HeaderName; 4] = [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, ETAG];

/// An answer that is kept to be given again.
#[derive(Debug)]
pub struct Answer {
    /// The id of the request that it was the answer to.
    pub first: String,
    /// Its status.
    pub status: StatusCode,
    /// Those of its headers that say what the body is.
    pub headers: HeaderMap,
    /// Its very bytes.
    pub body: Bytes,
}

#[derive(Serialize, Deserialize)]
struct Head {
    first: String,
    status: u16,
    headers: Vec<(String, String)>,
}

/// Bytes in which the length of the head is written.
const LENGTH: usize = 4;

impl Answer {
    /// The answer in one piece: the length of its head, its head as JSON, its body.
    pub(super) fn write(first: &str, status: StatusCode, headers: &HeaderMap, body: &[Bytes]) -> Option<Vec<u8>> {
        let text = |name: &HeaderName| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_owned()));
        let headers = KEPT.iter().filter_map(text).collect();
        let head = serde_json::to_vec(&Head { first: first.to_owned(), status: status.as_u16(), headers }).ok()?;
        let mut written = Vec::with_capacity(LENGTH + head.len() + body.iter().map(Bytes::len).sum::<usize>() + 16);
        written.extend_from_slice(&u32::try_from(head.len()).ok()?.to_le_bytes());
        written.extend_from_slice(&head);
        body.iter().for_each(|piece| written.extend_from_slice(piece));
        Some(written)
    }

    /// Reads what [`Answer::write`] wrote.
    pub(super) fn read(written: Bytes) -> Option<Self> {
        let (length, rest) = written.split_first_chunk::<LENGTH>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let head: Head = serde_json::from_slice(rest.get(..length)?).ok()?;
        let mut headers = HeaderMap::with_capacity(head.headers.len() + 2);
        for (name, value) in head.headers {
            headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
        }
        let status = StatusCode::from_u16(head.status).ok()?;
        Some(Self { first: head.first, status, headers, body: written.slice(LENGTH + length..) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("openai-processing-ms", HeaderValue::from_static("7"));
        let body = [Bytes::from_static(b"{\"a\""), Bytes::from_static(b":1}")];
        let written = Answer::write("r-1", StatusCode::CREATED, &headers, &body).unwrap();
        let read = Answer::read(written.clone().into()).unwrap();
        assert_eq!((read.first.as_str(), read.status, &read.body[..]), ("r-1", StatusCode::CREATED, &b"{\"a\":1}"[..]));
        assert_eq!(read.headers.len(), 1);
        for length in 0..written.len() - body[0].len() - body[1].len() {
            assert!(Answer::read(Bytes::copy_from_slice(&written[..length])).is_none(), "{length}");
        }
    }
}
