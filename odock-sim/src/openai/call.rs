//! The parts of a chat request that decide the answer, read without copying and without building a tree.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A chat request, as far as the answer depends on it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ChatCall<'a> {
    /// The model to name in the answer.
    pub(crate) model: &'a str,
    /// Whether to stream.
    pub(crate) stream: bool,
    /// Whether a stream is to report usage.
    pub(crate) include_usage: bool,
    /// Bytes of text in the messages.
    pub(crate) text_bytes: usize,
    /// Whether it came to an Azure deployment, which begins its streams with a filter report.
    pub(crate) azure: bool,
}

/// The request body; what is not named here is checked for syntax and skipped.
#[derive(Deserialize)]
pub(crate) struct ChatBody {
    #[serde(default)]
    model: Option<String>,
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

impl ChatBody {
    /// Reads a request body, or says what is wrong with it in the provider's words.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        // A list of values would be read as the fields in order.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err("We could not parse the JSON body of your request: it is not a JSON object.".to_owned());
        }
        serde_json::from_slice(body)
            .map_err(|error| format!("We could not parse the JSON body of your request: {error}."))
    }

    /// The model that the body names.
    pub(crate) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The call, with the deployment of an Azure path standing in for the model.
    pub(crate) fn call<'a>(&'a self, deployment: Option<&'a str>) -> Result<ChatCall<'a>, String> {
        let model = self.model.as_deref().or(deployment).ok_or("you must provide a model parameter")?;
        let messages = self.messages.as_ref().ok_or("Missing required parameter: 'messages'.")?;
        Ok(ChatCall {
            model,
            stream: self.stream.unwrap_or_default(),
            include_usage: self.stream_options.as_ref().is_some_and(|options| options.include_usage == Some(true)),
            text_bytes: messages.text_bytes,
            azure: deployment.is_some(),
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
        ChatBody::parse(body.as_bytes()).unwrap().call(None).unwrap().text_bytes
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
        let body = ChatBody::parse(br#"{"messages":[]}"#).unwrap();
        assert_eq!(body.call(Some("dep")).unwrap().model, "dep");
        assert_eq!(body.call(None).unwrap_err(), "you must provide a model parameter");
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for body in ["", "{", "[]", r#"{"model":1}"#, "\u{fffd}"] {
            assert!(ChatBody::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
