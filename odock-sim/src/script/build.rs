//! The builder methods of a script.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::{Access, Fault, Job, Payload, Script, Tokens, ToolCall, UsageReport};

/// Each changes one thing and leaves the rest.
impl Script {
    /// Waits this long before the response headers.
    pub fn latency(mut self, wait: Duration) -> Self {
        self.latency = wait;
        self
    }

    /// Answers this text.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Answers with a call of this tool (once more: with a further one) in place of text.
    pub fn tool_call(mut self, name: impl Into<String>, arguments: Value) -> Self {
        self.tool_calls.push(ToolCall { name: name.into(), arguments });
        self
    }

    /// Thinks this before it answers.
    pub fn reasoning(mut self, text: impl Into<String>) -> Self {
        self.reasoning = Some(text.into());
        self
    }

    /// Refuses in these words.
    pub fn refusal(mut self, words: impl Into<String>) -> Self {
        self.refusal = Some(words.into());
        self
    }

    /// Makes this image or video.
    pub fn media(mut self, bytes: impl Into<Bytes>, content_type: impl Into<String>) -> Self {
        self.media = Some(Payload { bytes: bytes.into(), content_type: content_type.into() });
        self
    }

    /// Reads so many pages of a document.
    pub fn pages(mut self, pages: u64) -> Self {
        self.pages = pages;
        self
    }

    /// Reports this state of a job, and begins jobs in it.
    pub fn job(mut self, job: Job) -> Self {
        self.job = job;
        self
    }

    /// Gives this finish reason, in the words of the wire format.
    pub fn finish_reason(mut self, reason: impl Into<String>) -> Self {
        self.finish_reason = Some(reason.into());
        self
    }

    /// Streams the text in exactly this many content chunks (the text is repeated when it is too short for that).
    pub fn chunks(mut self, chunks: usize) -> Self {
        self.chunks = Some(chunks);
        self
    }

    /// Waits this long before each content chunk after the first.
    pub fn chunk_delay(mut self, wait: Duration) -> Self {
        self.chunk_delay = wait;
        self
    }

    /// Writes a stream in pieces of this many bytes, wherever that splits the events.
    pub fn split_events(mut self, bytes: usize) -> Self {
        self.split_events = Some(bytes.max(1));
        self
    }

    /// Reports these token counts.
    pub fn usage(mut self, prompt: u64, completion: u64) -> Self {
        self.usage = Some(Tokens { prompt, completion });
        self
    }

    /// Adds the fields of this object to the usage object, over those of the same name.
    pub fn usage_detail(mut self, detail: Value) -> Self {
        if let Value::Object(fields) = detail {
            self.usage_detail.extend(fields);
        }
        self
    }

    /// Reports no usage, whoever asks.
    pub fn no_usage(mut self) -> Self {
        self.usage_report = UsageReport::Never;
        self
    }

    /// Reports the usage of a stream on the chunk with the finish reason, asked or not.
    pub fn usage_on_finish_chunk(mut self) -> Self {
        self.usage_report = UsageReport::OnFinishChunk;
        self
    }

    /// Compresses the body with gzip, asked or not.
    pub fn gzip(mut self) -> Self {
        self.gzip = true;
        self
    }

    /// Sends these bytes after the body, or after the last event of a stream.
    pub fn trailing(mut self, text: impl Into<String>) -> Self {
        self.trailing = Some(text.into());
        self
    }

    /// Makes the body longer by this many bytes that mean nothing. They are made as they are sent, so that an answer
    /// can be larger than the memory.
    pub fn padding(mut self, bytes: u64) -> Self {
        self.padding = bytes;
        self
    }

    /// Says that the body is of this type, whatever it is.
    pub fn content_type(self, content_type: impl Into<String>) -> Self {
        self.header("content-type", content_type)
    }

    /// Ends a stream without the event that says so.
    pub fn no_done(mut self) -> Self {
        self.no_done = true;
        self
    }

    /// Answers with this status. From 400 on, and without a `body`, the body is an error of the provider's shape.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sends this body (JSON or bytes, as `application/json`) as it is.
    pub fn body(mut self, body: impl Into<Payload>) -> Self {
        self.payload = Some(body.into());
        self
    }

    /// Sends these bytes as they are, with this content type.
    pub fn raw_body(mut self, bytes: impl Into<Bytes>, content_type: impl Into<String>) -> Self {
        self.payload = Some(Payload { bytes: bytes.into(), content_type: content_type.into() });
        self
    }

    /// Adds a response header, over one that the simulated upstream would send itself.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Redirects to another place.
    pub fn redirect(self, url: impl Into<String>) -> Self {
        self.status(307).header("location", url).raw_body("", "text/plain")
    }

    /// Accepts the request and never answers.
    pub fn stall_before_headers(self) -> Self {
        self.fault(Fault::StallBeforeHeaders)
    }

    /// Sends this many content chunks, then nothing more, and keeps the connection open.
    pub fn stall_after(self, chunks: usize) -> Self {
        self.fault(Fault::StallAfter(chunks))
    }

    /// Sends this many content chunks, then resets the TCP connection.
    pub fn cut_after(self, chunks: usize) -> Self {
        self.fault(Fault::CutAfter(chunks))
    }

    /// Sends this many content chunks, then closes the TCP connection in the middle of the body.
    pub fn close_after(self, chunks: usize) -> Self {
        self.fault(Fault::CloseAfter(chunks))
    }

    /// Sends this many content chunks and ends the body as if it were complete.
    pub fn end_after(self, chunks: usize) -> Self {
        self.fault(Fault::EndAfter(chunks))
    }

    /// Sends this many content chunks, then an error event, and ends the body.
    pub fn error_after(self, chunks: usize) -> Self {
        self.fault(Fault::ErrorAfter(chunks))
    }

    /// Resets the TCP connection without an answer.
    pub fn reset(self) -> Self {
        self.fault(Fault::Reset)
    }

    /// Answers 200 with invalid JSON; in a stream the second event is the invalid one.
    pub fn garbage(self) -> Self {
        self.fault(Fault::Garbage)
    }

    /// Declares a longer body than it sends, then closes the connection.
    pub fn half_body(self) -> Self {
        self.fault(Fault::HalfBody)
    }

    /// Goes wrong in this way.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Answers who sends this key, and 401 to the others.
    pub fn expect_key(mut self, key: impl Into<String>) -> Self {
        self.access = Access::Key(key.into());
        self
    }

    /// Answers anyone, with a key or without.
    pub fn open(mut self) -> Self {
        self.access = Access::Open;
        self
    }
}
