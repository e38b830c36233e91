//! A whole answer with images.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::providers::openai::usage::{Makes, normalise_as};
use crate::providers::operation::{Answer, BoxError};
use crate::providers::usage::Reported;

/// What the gateway reads of an answer.
#[derive(Deserialize)]
struct Images<'a> {
    #[serde(default)]
    data: Option<Vec<IgnoredAny>>,
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
}

/// Reads an answer: what it says of tokens, and how many images it has.
pub(super) fn read(body: Bytes) -> Result<Answer, BoxError> {
    let answer: Images<'_> = serde_json::from_slice(&body)?;
    let images = answer.data.map_or(0, |images| images.len() as u64);
    let reported = reported(answer.usage.map(RawValue::get), images);
    Ok(Answer { reported, content_bytes: 0, body })
}

/// What so many images and a usage object say together; `None` if they say nothing.
pub(super) fn reported(usage: Option<&str>, images: u64) -> Option<Reported> {
    let mut reported = match usage.and_then(|usage| normalise_as(Makes::Images, usage)) {
        Some(reported) => reported,
        None if images == 0 => return None,
        None => Reported::default(),
    };
    reported.tokens.units = images;
    Some(reported)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(body: &'static str) -> Option<(u64, u64, u64)> {
        let reported = read(Bytes::from_static(body.as_bytes())).unwrap().reported?;
        Some((reported.tokens.units, reported.tokens.output_image, reported.tokens.total))
    }

    #[test]
    fn images_count_by_token_and_by_the_piece() {
        const TWO: &str = include_str!("../../../../tests/fixtures/openai/images_answer.json");
        assert_eq!(tokens(TWO), Some((2, 2112, 2147)));
        assert_eq!(
            tokens(r#"{"created":1,"data":[{"url":"https://x/1.png"},{"url":"https://x/2.png"}]}"#),
            Some((2, 0, 0))
        );
        assert_eq!(tokens(r#"{"created":1,"data":[]}"#), None);
        assert_eq!(tokens(r#"{"created":1,"data":[{}],"usage":null}"#), Some((1, 0, 0)));
        assert!(read(Bytes::from_static(b"oops")).is_err());
    }
}
