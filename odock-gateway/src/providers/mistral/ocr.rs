//! Documents: `POST …/ocr` (Mistral API reference, "OCR"). They are charged by the page.

use entity::usage::TokenUsage;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::providers::call::DecodeError;
use crate::providers::json::{Fields, JsonBody};
use crate::providers::operation::BoxError;
use crate::providers::usage::{MAX_COUNT, Reported, keepable};

/// The fields of a request. A page is no token, so no field makes up a prompt.
pub(super) const OCR_FIELDS: Fields = Fields::MODEL;

/// Pages of the largest document that Mistral reads (Mistral documentation, "OCR", "Limits").
const MOST_PAGES: u64 = 1_000;

/// How many pages a request may have read: those that it lists, one for an image, else as many as a document may have.
pub(super) fn most_pages(body: &JsonBody) -> Result<u64, DecodeError> {
    let listed = body.field("pages").filter(|pages| *pages != "null").map(listed).transpose()?;
    let most = if body.field("document").is_some_and(is_image) { 1 } else { MOST_PAGES };
    Ok(listed.map_or(most, |listed| listed.min(MOST_PAGES)))
}

/// How many pages a list names: numbers, or a text of numbers and ranges such as `"0-3,7"`.
fn listed(pages: &str) -> Result<u64, DecodeError> {
    if let Ok(list) = serde_json::from_str::<Vec<IgnoredAny>>(pages) {
        return Ok(list.len() as u64);
    }
    if pages.parse::<u64>().is_ok() {
        return Ok(1);
    }
    let text: String =
        serde_json::from_str(pages).map_err(|_| DecodeError::new("\"pages\" must be a list of page numbers"))?;
    // What is no range is the upstream's to refuse: it counts as one page.
    let count = |part: &str| match part.split_once('-').map(|(from, to)| (from.trim().parse(), to.trim().parse())) {
        Some((Ok(from), Ok(to))) => u64::saturating_sub(to, from).saturating_add(1),
        _ => 1,
    };
    Ok(text.split(',').map(count).fold(0, u64::saturating_add))
}

fn is_image(document: &str) -> bool {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(default, borrow)]
        image_url: Option<&'a RawValue>,
    }
    serde_json::from_str::<Document<'_>>(document).is_ok_and(|document| document.image_url.is_some())
}

/// What the gateway reads of an answer.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default)]
    pages: Option<Vec<IgnoredAny>>,
    #[serde(default, borrow)]
    usage_info: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct UsageInfo {
    pages_processed: Option<u64>,
}

/// How many pages an answer says were read, or else has.
pub(super) fn pages_read(body: &[u8]) -> Result<Option<Reported>, BoxError> {
    let answer: Answer<'_> = serde_json::from_slice(body)?;
    let said = answer.usage_info.and_then(|raw| {
        let info: UsageInfo = serde_json::from_str(raw.get()).ok()?;
        Some((info.pages_processed.filter(|pages| *pages <= MAX_COUNT)?, keepable(raw.get())))
    });
    let counted = || answer.pages.map(|pages| (pages.len() as u64, None));
    let reported = said.or_else(counted);
    Ok(reported.map(|(units, raw)| Reported { tokens: TokenUsage { units, ..TokenUsage::default() }, raw }))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_request_says_how_many_pages_it_may_cost() {
        let most = |more: &str| {
            let body = format!(r#"{{"model":"m","document":{{"document_url":"https://x/a.pdf"}}{more}}}"#);
            most_pages(&JsonBody::decode(Bytes::from(body), &OCR_FIELDS).unwrap())
        };
        for (more, pages) in [
            ("", 1_000),
            (r#","pages":null"#, 1_000),
            (r#","pages":[0,2,5]"#, 3),
            (r#","pages":[]"#, 0),
            (r#","pages":7"#, 1),
            (r#","pages":"0-3, 7""#, 5),
            (r#","pages":"0-18446744073709551615""#, 1_000),
            (r#","document":{"type":"image_url","image_url":"data:image/png;base64,eA=="}"#, 1),
        ] {
            assert_eq!(most(more).unwrap(), pages, "{more}");
        }
        assert!(most(r#","pages":{}"#).unwrap_err().to_string().contains("\"pages\""));
    }

    #[test]
    fn an_answer_says_how_many_pages_it_cost() {
        const ANSWER: &str = include_str!("../../../tests/fixtures/mistral/ocr_answer.json");
        let read = |body: &str| pages_read(body.as_bytes()).unwrap();
        let reported = read(ANSWER).unwrap();
        assert_eq!((reported.tokens.units, reported.tokens.total), (2, 0));
        assert_eq!(reported.raw.unwrap()["doc_size_bytes"], 3_002_783);
        assert_eq!(read(r#"{"pages":[{},{},{}]}"#).unwrap().tokens.units, 3);
        assert_eq!(read(r#"{"pages":[{}],"usage_info":{"pages_processed":null}}"#).unwrap().tokens.units, 1);
        assert_eq!(read(r#"{"usage_info":{"pages_processed":99999999999}}"#), None);
        assert!(pages_read(b"<html>").is_err());
    }
}
