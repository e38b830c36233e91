//! What to answer, whatever the wire format. Built in code with the builder methods, or written as JSON (`x-sim-script`, `--script`).

mod build;
mod payload;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use payload::Payload;

/// The text that an upstream answers when nothing else is scripted.
const DEFAULT_TEXT: &str = "Hello from the simulated upstream.";

/// Describes one answer: its content, its pace, what it says it cost, and how it goes wrong.
///
/// The default is a plausible chat answer, at once and complete. Every field has a builder method of the same name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use = "a script does nothing until an upstream is given it"]
pub struct Script {
    /// Wait before the response headers.
    #[serde(rename = "latency_ms", with = "millis")]
    pub latency: Duration,
    /// The assistant's text.
    pub text: String,
    /// Tool calls that the assistant makes instead of saying the text.
    pub tool_calls: Vec<ToolCall>,
    /// What the model thinks before it answers, where the wire format has a place for it.
    pub reasoning: Option<String>,
    /// Words of refusal in place of text and tool calls, where the wire format has a place for them.
    pub refusal: Option<String>,
    /// The image or video that is made. Unset, it is a picture of one pixel or the beginning of an empty film.
    pub media: Option<Payload>,
    /// Pages of a document that is read.
    pub pages: u64,
    /// How far a job of a queue has come.
    pub job: Job,
    /// The finish reason in the words of the wire format, when it is not the natural one (`stop`, `tool_use`, …).
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
    /// Ends a stream without the event that says so (`data: [DONE]`, `message_stop`, `response.completed`).
    pub no_done: bool,
    /// Compresses the body with gzip, asked or not; each chunk of a stream can be read when it comes.
    pub gzip: bool,
    /// Bytes that follow the body, or the last event of a stream.
    pub trailing: Option<String>,
    /// Makes the body longer by this many bytes that mean nothing: blanks in JSON, comments in a stream.
    pub padding: u64,
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

/// How far a job of a queue has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// It waits.
    Queued,
    /// It is being worked on.
    Running,
    /// Its result is there.
    #[default]
    Done,
    /// It has failed.
    Failed,
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

impl Default for Script {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            text: DEFAULT_TEXT.to_owned(),
            tool_calls: Vec::new(),
            reasoning: None,
            refusal: None,
            media: None,
            pages: 1,
            job: Job::default(),
            finish_reason: None,
            chunks: None,
            chunk_delay: Duration::ZERO,
            split_events: None,
            usage: None,
            usage_detail: Map::new(),
            usage_report: UsageReport::default(),
            no_done: false,
            gzip: false,
            trailing: None,
            padding: 0,
            status: 200,
            headers: Vec::new(),
            payload: None,
            fault: None,
            access: Access::default(),
        }
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
            .reasoning("Let me see.")
            .media(&b"\x89PNG\xff"[..], "image/png")
            .trailing("}")
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
