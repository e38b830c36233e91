//! What to answer. Built in code with the builder methods, or written as JSON (`x-sim-script`, `--script`).

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The text that an upstream answers when nothing else is scripted.
const DEFAULT_TEXT: &str = "Hello from the simulated upstream.";

/// Describes one answer: its content, its pace, what it says it cost, and how it goes wrong.
///
/// The default is a plausible chat answer, at once and complete. Every field has a builder method of the same name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Wait before the response headers.
    #[serde(rename = "latency_ms", with = "millis")]
    pub latency: Duration,
    /// The assistant's text.
    pub text: String,
    /// Tool calls that the assistant makes instead of saying the text.
    pub tool_calls: Vec<ToolCall>,
    /// The finish reason, when it is not the natural one (`stop`, or `tool_calls`).
    pub finish_reason: Option<String>,
    /// Number of content chunks in a stream. Unset, there is one a word.
    pub chunks: Option<usize>,
    /// Wait before each content chunk after the first.
    #[serde(rename = "chunk_delay_ms", with = "millis")]
    pub chunk_delay: Duration,
    /// Writes a stream in pieces of this many bytes, wherever that splits the events.
    pub split_events: Option<usize>,
    /// Token counts to report. Unset, they are a quarter of the bytes, rounded up.
    pub usage: Option<Tokens>,
    /// Further fields of the usage object, such as `prompt_tokens_details`.
    pub usage_detail: Map<String, Value>,
    /// When a usage object is given at all.
    pub usage_report: UsageReport,
    /// Ends a stream without `data: [DONE]`.
    pub no_done: bool,
    /// The status. From 400 on the body is an error of the provider's shape unless `payload` says otherwise.
    pub status: u16,
    /// Further response headers.
    pub headers: Vec<(String, String)>,
    /// A body sent as it is, in place of the simulated one.
    pub payload: Option<Payload>,
    /// How the answer goes wrong.
    pub fault: Option<Fault>,
    /// Whose requests are answered.
    pub access: Access,
}

/// Token counts of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the answer.
    pub completion: u64,
}

/// A tool call of the assistant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// Name of the function.
    pub name: String,
    /// Its arguments; they are sent as the provider does, as a string of JSON.
    pub arguments: Value,
}

/// When usage is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageReport {
    /// As OpenAI does: in unary answers always; in streams only when `stream_options.include_usage` asks for it, and
    /// then `"usage":null` on every chunk and a last one with empty `choices` and the counts.
    #[default]
    WhenAsked,
    /// Never.
    Never,
    /// As some compatible servers do: on the chunk with the finish reason, asked or not.
    OnFinishChunk,
}

/// How an answer goes wrong. Chunks are content chunks; a unary answer stops in the middle of its body instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Accepts the request and never answers.
    StallBeforeHeaders,
    /// Sends this many chunks, then nothing more, and keeps the connection open.
    StallAfter(usize),
    /// Sends this many chunks, then resets the TCP connection.
    CutAfter(usize),
    /// Sends this many chunks, then closes the TCP connection in the middle of the body.
    CloseAfter(usize),
    /// Sends this many chunks and ends the body as if it were complete.
    EndAfter(usize),
    /// Sends this many chunks, then an error event, and ends the body.
    ErrorAfter(usize),
    /// Resets the TCP connection without an answer.
    Reset,
    /// Answers with invalid JSON; in a stream the second event is the invalid one.
    Garbage,
    /// Declares a longer body than it sends, then closes the connection.
    HalfBody,
}

/// Whose requests are answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Anyone who sends some key.
    #[default]
    AnyKey,
    /// Anyone at all.
    Open,
    /// Who sends this key.
    Key(String),
}

/// A body and its content type. As JSON either `{"json": …}` or `{"text": "…", "content_type": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PayloadForm", into = "PayloadForm")]
pub struct Payload {
    /// The bytes.
    pub bytes: Bytes,
    /// Their type.
    pub content_type: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PayloadForm {
    Json {
        json: Value,
    },
    Text {
        text: String,
        #[serde(default = "plain_text")]
        content_type: String,
    },
}

fn plain_text() -> String {
    "text/plain; charset=utf-8".to_owned()
}

impl From<PayloadForm> for Payload {
    fn from(form: PayloadForm) -> Self {
        match form {
            PayloadForm::Json { json } => json.into(),
            PayloadForm::Text { text, content_type } => Self { bytes: text.into(), content_type },
        }
    }
}

impl From<Payload> for PayloadForm {
    fn from(payload: Payload) -> Self {
        Self::Text { text: String::from_utf8_lossy(&payload.bytes).into_owned(), content_type: payload.content_type }
    }
}

impl From<Value> for Payload {
    fn from(json: Value) -> Self {
        Self { bytes: json.to_string().into(), content_type: "application/json".to_owned() }
    }
}

impl From<&'static str> for Payload {
    fn from(text: &'static str) -> Self {
        Self { bytes: text.into(), content_type: "application/json".to_owned() }
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self { bytes: text.into(), content_type: "application/json".to_owned() }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into(), content_type: "application/json".to_owned() }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, content_type: "application/json".to_owned() }
    }
}

impl Default for Script {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            text: DEFAULT_TEXT.to_owned(),
            tool_calls: Vec::new(),
            finish_reason: None,
            chunks: None,
            chunk_delay: Duration::ZERO,
            split_events: None,
            usage: None,
            usage_detail: Map::new(),
            usage_report: UsageReport::default(),
            no_done: false,
            status: 200,
            headers: Vec::new(),
            payload: None,
            fault: None,
            access: Access::default(),
        }
    }
}

/// The builders. Each changes one thing and leaves the rest.
impl Script {
    /// Waits this long before the response headers.
    #[must_use]
    pub fn latency(mut self, wait: Duration) -> Self {
        self.latency = wait;
        self
    }

    /// Answers this text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Answers with a call of this tool (once more: with a further one) in place of text.
    #[must_use]
    pub fn tool_call(mut self, name: impl Into<String>, arguments: Value) -> Self {
        self.tool_calls.push(ToolCall { name: name.into(), arguments });
        self
    }

    /// Gives this finish reason.
    #[must_use]
    pub fn finish_reason(mut self, reason: impl Into<String>) -> Self {
        self.finish_reason = Some(reason.into());
        self
    }

    /// Streams the text in exactly this many content chunks (the text is repeated when it is too short for that).
    #[must_use]
    pub fn chunks(mut self, chunks: usize) -> Self {
        self.chunks = Some(chunks);
        self
    }

    /// Waits this long before each content chunk after the first.
    #[must_use]
    pub fn chunk_delay(mut self, wait: Duration) -> Self {
        self.chunk_delay = wait;
        self
    }

    /// Writes a stream in pieces of this many bytes, wherever that splits the events.
    #[must_use]
    pub fn split_events(mut self, bytes: usize) -> Self {
        self.split_events = Some(bytes.max(1));
        self
    }

    /// Reports these token counts.
    #[must_use]
    pub fn usage(mut self, prompt: u64, completion: u64) -> Self {
        self.usage = Some(Tokens { prompt, completion });
        self
    }

    /// Adds the fields of this object to the usage object, over those of the same name.
    #[must_use]
    pub fn usage_detail(mut self, detail: Value) -> Self {
        if let Value::Object(fields) = detail {
            self.usage_detail.extend(fields);
        }
        self
    }

    /// Reports no usage, whoever asks.
    #[must_use]
    pub fn no_usage(mut self) -> Self {
        self.usage_report = UsageReport::Never;
        self
    }

    /// Reports the usage of a stream on the chunk with the finish reason, asked or not.
    #[must_use]
    pub fn usage_on_finish_chunk(mut self) -> Self {
        self.usage_report = UsageReport::OnFinishChunk;
        self
    }

    /// Ends a stream without `data: [DONE]`.
    #[must_use]
    pub fn no_done(mut self) -> Self {
        self.no_done = true;
        self
    }

    /// Answers with this status. From 400 on, and without a `body`, the body is an error of the provider's shape.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sends this body (JSON or bytes, as `application/json`) as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Payload>) -> Self {
        self.payload = Some(body.into());
        self
    }

    /// Sends these bytes as they are, with this content type.
    #[must_use]
    pub fn raw_body(mut self, bytes: impl Into<Bytes>, content_type: impl Into<String>) -> Self {
        self.payload = Some(Payload { bytes: bytes.into(), content_type: content_type.into() });
        self
    }

    /// Adds a response header, over one that the simulated upstream would send itself.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Redirects to another place.
    #[must_use]
    pub fn redirect(self, url: impl Into<String>) -> Self {
        self.status(307).header("location", url).raw_body("", "text/plain")
    }

    /// Accepts the request and never answers.
    #[must_use]
    pub fn stall_before_headers(self) -> Self {
        self.fault(Fault::StallBeforeHeaders)
    }

    /// Sends this many content chunks, then nothing more, and keeps the connection open.
    #[must_use]
    pub fn stall_after(self, chunks: usize) -> Self {
        self.fault(Fault::StallAfter(chunks))
    }

    /// Sends this many content chunks, then resets the TCP connection.
    #[must_use]
    pub fn cut_after(self, chunks: usize) -> Self {
        self.fault(Fault::CutAfter(chunks))
    }

    /// Sends this many content chunks, then closes the TCP connection in the middle of the body.
    #[must_use]
    pub fn close_after(self, chunks: usize) -> Self {
        self.fault(Fault::CloseAfter(chunks))
    }

    /// Sends this many content chunks and ends the body as if it were complete.
    #[must_use]
    pub fn end_after(self, chunks: usize) -> Self {
        self.fault(Fault::EndAfter(chunks))
    }

    /// Sends this many content chunks, then an error event, and ends the body.
    #[must_use]
    pub fn error_after(self, chunks: usize) -> Self {
        self.fault(Fault::ErrorAfter(chunks))
    }

    /// Resets the TCP connection without an answer.
    #[must_use]
    pub fn reset(self) -> Self {
        self.fault(Fault::Reset)
    }

    /// Answers 200 with invalid JSON; in a stream the second event is the invalid one.
    #[must_use]
    pub fn garbage(self) -> Self {
        self.fault(Fault::Garbage)
    }

    /// Declares a longer body than it sends, then closes the connection.
    #[must_use]
    pub fn half_body(self) -> Self {
        self.fault(Fault::HalfBody)
    }

    /// Goes wrong in this way.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Answers who sends this key, and 401 to the others.
    #[must_use]
    pub fn expect_key(mut self, key: impl Into<String>) -> Self {
        self.access = Access::Key(key.into());
        self
    }

    /// Answers anyone, with a key or without.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.access = Access::Open;
        self
    }
}

/// Durations as a number of milliseconds, fractions allowed.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(duration.as_secs_f64() * 1_000.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let millis = f64::deserialize(from)?;
        Duration::try_from_secs_f64(millis / 1_000.0)
            .map_err(|_| D::Error::custom(format!("{millis} is not a number of milliseconds")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_survives_its_json_form() {
        let script = Script::default()
            .latency(Duration::from_millis(200))
            .chunks(20)
            .usage(7, 3)
            .tool_call("weather", serde_json::json!({"city": "Oslo"}))
            .stall_after(2)
            .header("retry-after", "1")
            .expect_key("sk-upstream")
            .raw_body("plain", "text/plain");
        let json = serde_json::to_string(&script).unwrap();
        assert_eq!(serde_json::from_str::<Script>(&json).unwrap(), script);
    }

    #[test]
    fn json_gives_only_what_differs_from_the_default() {
        let script: Script =
            serde_json::from_str(r#"{"latency_ms": 1.5, "fault": "reset", "payload": {"json": {"a": 1}}}"#).unwrap();
        let expected = Script::default().latency(Duration::from_micros(1_500)).reset();
        assert_eq!(script, expected.body(serde_json::json!({"a": 1})));
    }

    #[test]
    fn a_misspelt_field_is_refused_by_name() {
        let error = serde_json::from_str::<Script>(r#"{"latency": 5}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `latency`"), "{error}");
        let error = serde_json::from_str::<Script>(r#"{"latency_ms": -5}"#).unwrap_err().to_string();
        assert!(error.contains("-5 is not a number of milliseconds"), "{error}");
    }
}
