//! The parts of a chat request that decide the answer, read without copying and without building a tree.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::Vendor;
use crate::request::{missing, unreadable};

/// A chat request, as far as the answer depends on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChatCall<'a> {
    /// Who is to answer.
    pub(super) vendor: Vendor,
    /// The model to name in the answer.
    pub(super) model: Cow<'a, str>,
    /// Whether to stream.
    pub(super) stream: bool,
    /// Whether a stream is to report usage.
    pub(super) include_usage: bool,
    /// Bytes of text in the messages.
    pub(super) text_bytes: usize,
}

/// The request body; what is not named here is checked for syntax and skipped.
#[derive(Deserialize)]
pub(super) struct ChatBody<'a> {
    /// The model that the body names.
    #[serde(borrow, default)]
    pub(super) model: Option<Cow<'a, str>>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    messages: Option<Messages>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

impl<'a> ChatBody<'a> {
    /// Reads a request body, or says what is wrong with it in the provider's words.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, String> {
        // A list of values would be read as the fields in order.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(unreadable("it is not a JSON object"));
        }
        serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))
    }

    /// The call, with the deployment of an Azure path standing in for the model.
    pub(super) fn call(self, vendor: Vendor, deployment: Option<&'a str>) -> Result<ChatCall<'a>, String> {
        let model = self.model.or(deployment.map(Cow::Borrowed)).ok_or("you must provide a model parameter")?;
        let messages = self.messages.ok_or_else(|| missing("messages"))?;
        Ok(ChatCall {
            vendor,
            model,
            stream: self.stream.unwrap_or_default(),
            include_usage: self.stream_options.is_some_and(|options| options.include_usage == Some(true)),
            text_bytes: messages.text_bytes,
        })
    }
}

#[derive(Deserialize)]
#[serde(from = "Vec<ChatMessage>")]
struct Messages {
    text_bytes: usize,
}

impl From<Vec<ChatMessage>> for Messages {
    fn from(messages: Vec<ChatMessage>) -> Self {
        Self { text_bytes: messages.iter().map(|message| message.content.0).sum() }
    }
}

#[derive(Deserialize)]
struct ChatMessage {
    #[serde(default)]
    content: TextBytes,
}

/// The number of bytes of text in a content field: a string, or a list of parts of which some have a `text`.
#[derive(Default)]
struct TextBytes(usize);

impl<'de> Deserialize<'de> for TextBytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(CountText).map(Self)
    }
}

struct CountText;

impl<'de> Visitor<'de> for CountText {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of content parts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
        Ok(text.len())
    }

    fn visit_unit<E: Error>(self) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<usize, A::Error> {
        let mut total = 0;
        while let Some(TextBytes(part)) = parts.next_element()? {
            total += part;
        }
        Ok(total)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut part: A) -> Result<usize, A::Error> {
        let mut total = 0;
        while let Some(key) = part.next_key::<String>()? {
            if key == "text" {
                total += part.next_value::<TextBytes>()?.0;
            } else {
                part.next_value::<IgnoredAny>()?;
            }
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_bytes(messages: &str) -> usize {
        let body = format!(r#"{{"model":"m","messages":{messages}}}"#);
        ChatBody::parse(body.as_bytes()).unwrap().call(Vendor::OpenAi, None).unwrap().text_bytes
    }

    #[test]
    fn text_is_counted_in_strings_and_in_parts() {
        assert_eq!(text_bytes(r#"[{"role":"user","content":"hallå"}]"#), 6);
        assert_eq!(text_bytes(r#"[{"content":"a"},{"content":null},{"role":"tool"}]"#), 1);
        let parts = r#"[{"content":[{"type":"text","text":"abc"},{"type":"image_url","image_url":{"url":"x"}}]}]"#;
        assert_eq!(text_bytes(parts), 3);
    }

    #[test]
    fn a_deployment_stands_in_for_the_model() {
        let call = |deployment| ChatBody::parse(br#"{"messages":[]}"#).unwrap().call(Vendor::Azure, deployment);
        assert_eq!(call(Some("dep")).unwrap().model, "dep");
        assert_eq!(call(None).unwrap_err(), "you must provide a model parameter");
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for body in ["", "{", "[]", r#"{"model":1}"#, "\u{fffd}"] {
            assert!(ChatBody::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
