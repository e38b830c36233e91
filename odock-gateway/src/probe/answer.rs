//! What providers say when they are asked for their models.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::models::Credential;

/// Characters of a provider's message that are passed on.
const LONGEST: usize = 200;

/// How many models a list has: `data` in OpenAI's and Anthropic's shape, `models` in Gemini's, or a bare list.
pub(super) fn listed(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        Data { data: Vec<IgnoredAny> },
        Models { models: Vec<IgnoredAny> },
        Bare(Vec<IgnoredAny>),
    }
    let list = serde_json::from_slice(body).ok()?;
    let (List::Data { data: models } | List::Models { models } | List::Bare(models)) = list;
    u64::try_from(models.len()).ok()
}

/// The beginning of a refusal's message, without what is or resembles a secret.
pub(super) fn refusal(credential: Option<&Credential>, body: &Bytes) -> Option<String> {
    let body = match credential {
        Some(credential) => credential.scrub(body.clone()),
        None => body.clone(),
    };
    let value: Value = serde_json::from_slice(&body).ok()?;
    let places = ["/error/message", "/error", "/message", "/detail", "/0/error/message"];
    let text = places.iter().find_map(|place| value.pointer(place)?.as_str())?;
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.map(|word| if is_secretive(word) { "[redacted]" } else { word }).collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(LONGEST).collect();
    let more = if line.chars().nth(LONGEST).is_some() { "…" } else { "" };
    Some(format!("{short}{more}")).filter(|text| !text.is_empty())
}

/// Whether a word may be a secret or a part of one: providers quote credentials with asterisks in the middle.
fn is_secretive(word: &str) -> bool {
    let masked = word.contains("**");
    let long = word.len() >= 20 && word.bytes().any(|byte| byte.is_ascii_digit()) && !word.contains("://");
    masked || long
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_counted_in_every_shape() {
        assert_eq!(listed(br#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#), Some(2));
        assert_eq!(listed(br#"{"models":[{"name":"models/a"}],"nextPageToken":"x"}"#), Some(1));
        assert_eq!(listed(br#"[{"id":"a"}]"#), Some(1));
        assert_eq!(listed(br#"{"data":[]}"#), Some(0));
        for other in ["", "<html>", "{}", r#"{"data":{}}"#, r#"{"data":"x"}"#, "null"] {
            assert_eq!(listed(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_message_is_short_and_holds_no_secret() {
        let said = |body: &str| refusal(None, &Bytes::copy_from_slice(body.as_bytes()));
        assert_eq!(
            said(
                r#"{"error":{"message":"Incorrect API key provided: sk-ab***xyz.\nSee https://example.com/account/api-keys"}}"#
            ),
            Some("Incorrect API key provided: [redacted] See https://example.com/account/api-keys".into())
        );
        assert_eq!(said(r#"{"error":"key sk0123456789abcdefghij is wrong"}"#), Some("key [redacted] is wrong".into()));
        assert_eq!(said(r#"{"detail":"no"}"#), Some("no".into()));
        assert_eq!(said(r#"[{"error":{"message":"API key not valid"}}]"#), Some("API key not valid".into()));
        assert_eq!(said(&format!(r#"{{"message":"{}"}}"#, "no ".repeat(500))).unwrap().chars().count(), LONGEST + 1);
        for other in ["", "<html>secret</html>", "{}", r#"{"error":{"code":3}}"#, r#"{"message":" "}"#] {
            assert_eq!(said(other), None, "{other}");
        }
    }
}
