//! A chat completion request: what the gateway must know of it, and the few bytes that it may change.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What the gateway reads of a request. All else passes unseen and untouched.
#[derive(Debug, Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
    #[serde(default, borrow, deserialize_with = "present")]
    stream: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    stream_options: Option<&'a RawValue>,
    #[serde(default, borrow)]
    max_completion_tokens: Option<&'a RawValue>,
    #[serde(default, borrow)]
    max_tokens: Option<&'a RawValue>,
    #[serde(default, borrow)]
    n: Option<&'a RawValue>,
    #[serde(default, borrow)]
    messages: Option<&'a RawValue>,
}

/// A field that is there, even if it is null: what is there must be replaced, not written a second time.
fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// A chat request as the caller sent it, with the places that policy may edit.
#[derive(Debug)]
pub struct ChatRequest {
    body: Bytes,
    /// The model that the caller asked for.
    pub model: String,
    /// Whether the caller wants a stream.
    pub stream: bool,
    /// Whether the caller asked for the usage event at the end of the stream.
    pub wants_usage: bool,
    /// Bytes of the conversation, from which prompt tokens are estimated where the upstream reports none.
    pub prompt_bytes: usize,
    /// The cap on each answer that the caller asks for, in tokens.
    pub output_cap: Option<u64>,
    /// How many answers the caller asks for.
    pub choices: u64,
    model_at: Range<usize>,
    usage_edit: Option<Edit>,
}

#[derive(Debug)]
struct Edit {
    at: Range<usize>,
    text: Cow<'static, str>,
}

/// Why a body is not a chat request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChatError(String);

impl ChatRequest {
    /// Reads a request body.
    ///
    /// # Errors
    /// Says what is wrong in one sentence: not JSON, not an object, a field twice, a field of the wrong type.
    pub fn decode(body: Bytes) -> Result<Self, ChatError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(ChatError("the body is empty: send a JSON object with \"model\" and \"messages\"".into()));
        }
        // A byte order mark is no JSON (RFC 8259, section 8.1), and serde's words for it are unhelpful.
        if body.starts_with(b"\xef\xbb\xbf") {
            return Err(ChatError("the body begins with a byte order mark, which JSON does not allow".into()));
        }
        let text = std::str::from_utf8(&body)
            .map_err(|error| ChatError(format!("the body is not UTF-8 at byte {}", error.valid_up_to())))?;
        // serde reads a struct from an array too, field by field; nobody else does.
        if !text.trim_ascii_start().starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok() {
            return Err(ChatError("the body must be a JSON object".into()));
        }
        let head: Head<'_> = serde_json::from_str(text).map_err(|error| ChatError(explain(&error)))?;
        let model: Cow<'_, str> =
            serde_json::from_str(head.model.get()).map_err(|_| ChatError("\"model\" must be a string".into()))?;
        if model.is_empty() {
            return Err(ChatError("\"model\" is empty".into()));
        }
        let stream = match head.stream.map(RawValue::get) {
            None | Some("null" | "false") => false,
            Some("true") => true,
            Some(_) => return Err(ChatError("\"stream\" must be true or false".into())),
        };
        let at = |raw: &RawValue| {
            // The raw value borrows from the text, so the distance between the two is its place.
            let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
            start..start + raw.get().len()
        };
        let model_at = at(head.model);
        let (wants_usage, usage_edit) = match (stream, head.stream_options) {
            (false, _) => (false, None),
            (true, None) => (false, Some(Edit { at: model_at.end..model_at.end, text: OPTIONS.into() })),
            (true, Some(options)) => usage_option(options.get(), at(options))?,
        };
        let asked = whole(head.max_completion_tokens, "max_completion_tokens", 0)?;
        let output_cap = match (asked, whole(head.max_tokens, "max_tokens", 0)?) {
            // Upstreams differ in which of the two they obey.
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        let choices = whole(head.n, "n", 1)?.unwrap_or(1);
        let prompt_bytes = head.messages.map_or(0, |messages| messages.get().len());
        let model = model.into_owned();
        Ok(Self { model, stream, wants_usage, prompt_bytes, output_cap, choices, model_at, usage_edit, body })
    }

    /// Bytes of the body as it came.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        self.body.len() as u64
    }

    /// The body for the upstream, in pieces: the caller's own bytes but for the model's name there and, on streams, the
    /// request for usage. A large body is not copied, only cut.
    #[must_use]
    pub fn encode(&self, slug: &str) -> VecDeque<Bytes> {
        let rename = (self.model != slug).then(|| Edit { at: self.model_at.clone(), text: json_string(slug).into() });
        let mut edits: Vec<&Edit> = rename.iter().chain(&self.usage_edit).collect();
        edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
        let mut pieces = VecDeque::with_capacity(edits.len() * 2 + 1);
        let mut from = 0;
        for edit in edits {
            pieces.push_back(self.body.slice(from..edit.at.start));
            pieces.push_back(match &edit.text {
                Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
                Cow::Owned(text) => Bytes::copy_from_slice(text.as_bytes()),
            });
            from = edit.at.end;
        }
        pieces.push_back(self.body.slice(from..));
        if pieces.len() > 1 && self.body.len() <= SMALL {
            return VecDeque::from([pieces.into_iter().flatten().collect::<Vec<u8>>().into()]);
        }
        pieces
    }
}

/// Bodies up to this size are cheaper to copy than to send in pieces.
const SMALL: usize = 16 << 10;

const OPTIONS: &str = r#","stream_options":{"include_usage":true}"#;

/// Works out how to ask for usage in stream options that the caller sent.
fn usage_option(options: &str, at: Range<usize>) -> Result<(bool, Option<Edit>), ChatError> {
    #[derive(Deserialize)]
    struct Options<'a> {
        #[serde(default, borrow, deserialize_with = "present")]
        include_usage: Option<&'a RawValue>,
    }
    if options == "null" {
        return Ok((false, Some(Edit { at, text: r#"{"include_usage":true}"#.into() })));
    }
    if !options.starts_with('{') {
        return Err(ChatError("\"stream_options\" must be an object".into()));
    }
    let asked: Options<'_> =
        serde_json::from_str(options).map_err(|error| ChatError(format!("\"stream_options\": {}", explain(&error))))?;
    match asked.include_usage {
        Some(value) if value.get() == "true" => Ok((true, None)),
        Some(value) if matches!(value.get(), "false" | "null") => {
            let start = at.start + (value.get().as_ptr() as usize - options.as_ptr() as usize);
            Ok((false, Some(Edit { at: start..start + value.get().len(), text: "true".into() })))
        }
        Some(_) => Err(ChatError("\"stream_options.include_usage\" must be true or false".into())),
        None => {
            let empty = options[1..].trim_start().starts_with('}');
            let text = if empty { r#""include_usage":true"# } else { r#""include_usage":true,"# };
            Ok((false, Some(Edit { at: at.start + 1..at.start + 1, text: text.into() })))
        }
    }
}

/// A whole number of `least` or more, if it is there and not null.
fn whole(raw: Option<&RawValue>, field: &str, least: u64) -> Result<Option<u64>, ChatError> {
    let Some(text) = raw.map(RawValue::get).filter(|text| *text != "null") else { return Ok(None) };
    match text.parse::<u64>() {
        Ok(number) if number >= least => Ok(Some(number)),
        _ => Err(ChatError(format!("\"{field}\" must be a whole number of {least} or more"))),
    }
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// serde's words for a person who does not know serde.
fn explain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if let Some(field) = text.strip_prefix("missing field ").and_then(|rest| rest.split(" at line").next()) {
        return format!("{} is missing", field.replace('`', "\""));
    }
    if let Some(rest) = text.strip_prefix("duplicate field ").and_then(|rest| rest.split(" at line").next()) {
        return format!("{} stands twice", rest.replace('`', "\""));
    }
    if error.is_data() {
        return format!("the body must be a JSON object: {text}");
    }
    format!("the body is not valid JSON: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(body: &str) -> Result<ChatRequest, ChatError> {
        ChatRequest::decode(Bytes::copy_from_slice(body.as_bytes()))
    }

    fn encoded(body: &str, slug: &str) -> String {
        String::from_utf8(decode(body).unwrap().encode(slug).into_iter().flatten().collect()).unwrap()
    }

    #[test]
    fn nothing_changes_when_nothing_must() {
        let body = r#" { "messages": [ {"role":"user","content":"hi"} ], "x":1.0e400, "model":"m" } "#;
        let request = decode(body).unwrap();
        let sent = request.encode("m").pop_front().unwrap();
        assert_eq!(sent.as_ptr(), request.body.as_ptr(), "not even copied");
        assert_eq!(sent, body.as_bytes());
    }

    #[test]
    fn only_the_models_name_is_replaced() {
        assert_eq!(
            encoded(r#"{"b":0.10, "model" : "a\u0062", "model_x":"a", "z":{"model":"ab"}}"#, "up/\"s"),
            r#"{"b":0.10, "model" : "up/\"s", "model_x":"a", "z":{"model":"ab"}}"#
        );
    }

    #[test]
    fn usage_is_asked_for_on_streams() {
        let cases = [
            (
                r#"{"model":"m","stream":true}"#,
                r#"{"model":"m","stream_options":{"include_usage":true},"stream":true}"#,
            ),
            (
                r#"{"stream":true,"stream_options":null,"model":"m"}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true},"model":"m"}"#,
            ),
            (
                r#"{"stream_options":{ },"model":"m","stream":true}"#,
                r#"{"stream_options":{"include_usage":true },"model":"m","stream":true}"#,
            ),
            (
                r#"{"stream_options":{"x":1, "include_usage" : false},"model":"m","stream":true}"#,
                r#"{"stream_options":{"x":1, "include_usage" : true},"model":"m","stream":true}"#,
            ),
            (
                r#"{"stream_options":{"x":1},"model":"m","stream":true}"#,
                r#"{"stream_options":{"include_usage":true,"x":1},"model":"m","stream":true}"#,
            ),
        ];
        for (sent, expected) in cases {
            assert_eq!(encoded(sent, "m"), expected);
            assert!(!decode(sent).unwrap().wants_usage);
        }
        let asked = r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#;
        assert_eq!(encoded(asked, "m"), asked);
        assert!(decode(asked).unwrap().wants_usage);
        assert_eq!(
            encoded(r#"{"model":"m","stream":false,"stream_options":{}}"#, "m"),
            r#"{"model":"m","stream":false,"stream_options":{}}"#
        );
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("", "the body is empty"),
            ("   ", "the body is empty"),
            ("[]", "must be a JSON object"),
            (r#" ["m",true]"#, "must be a JSON object"),
            ("null", "must be a JSON object"),
            ("\"x\"", "must be a JSON object"),
            ("{", "not valid JSON"),
            (r#"{"model":"m"} trailing"#, "not valid JSON"),
            ("{}", "\"model\" is missing"),
            (r#"{"model":7}"#, "\"model\" must be a string"),
            (r#"{"model":""}"#, "\"model\" is empty"),
            (r#"{"model":"a","model":"b"}"#, "\"model\" stands twice"),
            (r#"{"model":"a","stream":"yes"}"#, "\"stream\" must be true or false"),
            (r#"{"model":"a","stream":true,"stream":false}"#, "\"stream\" stands twice"),
            (r#"{"model":"a","stream":true,"stream_options":[]}"#, "\"stream_options\" must be an object"),
            (r#"{"model":"a","stream":true,"stream_options":{"include_usage":1}}"#, "include_usage"),
            (r#"{"model":"a","max_tokens":1.5}"#, "\"max_tokens\" must be a whole number"),
            (r#"{"model":"a","max_completion_tokens":-1}"#, "\"max_completion_tokens\" must be a whole number"),
            (r#"{"model":"a","max_tokens":"9"}"#, "\"max_tokens\" must be a whole number"),
            (r#"{"model":"a","n":0}"#, "\"n\" must be a whole number of 1 or more"),
            (r#"{"model":"\ud800"}"#, "\"model\" must be a string"),
            ("\u{feff}{}", "byte order mark"),
        ];
        for (body, expected) in cases {
            let error = decode(body).unwrap_err().0;
            assert!(error.contains(expected), "{body}: {error}");
        }
        let error = ChatRequest::decode(Bytes::from_static(b"{\"model\":\"\xff\"}")).unwrap_err();
        assert_eq!(error.0, "the body is not UTF-8 at byte 10");
    }

    #[test]
    fn what_an_answer_may_come_to_is_read() {
        let asked = |more: &str| {
            let request = decode(&format!("{{\"model\":\"m\"{more}}}")).unwrap();
            (request.output_cap, request.choices)
        };
        assert_eq!(asked(""), (None, 1));
        assert_eq!(asked(r#","max_tokens":null,"n":null"#), (None, 1));
        assert_eq!(asked(r#","max_tokens":7,"n":3"#), (Some(7), 3));
        assert_eq!(asked(r#","max_completion_tokens":9,"max_tokens":7"#), (Some(9), 1));
    }

    #[test]
    fn a_large_body_is_cut_and_not_copied() {
        let body = format!(r#"{{"messages":"{}","model":"a","z":1}}"#, "x".repeat(SMALL));
        let request = decode(&body).unwrap();
        let pieces = request.encode("b");
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces[0].as_ptr(), request.body.as_ptr());
        assert_eq!(encoded(&body, "b"), body.replace("\"a\"", "\"b\""));
    }

    #[test]
    fn deep_nesting_is_no_trouble() {
        let body = format!(r#"{{"model":"m","x":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert!(decode(&body).is_ok());
    }
}
