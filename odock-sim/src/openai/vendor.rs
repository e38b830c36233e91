//! Who speaks the format: what differs between OpenAI and those that follow it.

use bytes::Bytes;
use serde_json::json;

use super::error_body;
use crate::json::Object;

/// A provider that answers in OpenAI's shapes, more or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    /// OpenAI, and those that do exactly as it does.
    OpenAi,
    /// An Azure deployment: streams begin with a filter report.
    Azure,
    /// A vLLM server.
    Vllm,
    /// Mistral.
    Mistral,
    /// Hugging Face's router and the providers behind it.
    HuggingFace,
}

impl Vendor {
    /// Whether answers tell their service tier and the fingerprint of the system.
    pub(super) fn has_tier(self) -> bool {
        matches!(self, Self::OpenAi | Self::Azure)
    }

    /// Whether streams report usage on the chunk with the finish reason without being asked.
    pub(super) fn always_reports_usage(self) -> bool {
        self == Self::Mistral
    }

    /// The id of a tool call. Mistral's have nine letters and digits, and nothing else is taken back.
    pub(super) fn call_id(self, number: u64, at: usize) -> String {
        match self {
            Self::Mistral => format!("sim{:05}{}", number % 100_000, at % 10),
            _ => format!("call_sim_{number}_{at}"),
        }
    }

    /// The event that tells of an error in the middle of a stream.
    pub(super) fn stream_error(self) -> Bytes {
        let message = "The server had an error while processing your request.";
        match self {
            Self::OpenAi | Self::Azure => error_body(message, "server_error", None),
            Self::Vllm => {
                json!({"error": {"object": "error", "message": message, "type": "InternalServerError", "param": null,
                    "code": 500}})
                .to_string()
                .into()
            }
            Self::Mistral => json!({"object": "error", "message": message, "type": "internal_server_error",
                "param": null, "code": "3800"})
            .to_string()
            .into(),
            Self::HuggingFace => json!({"error": {"http_status_code": 500, "message": message}}).to_string().into(),
        }
    }
}

/// A part of Mistral's content that is thought.
pub(super) fn thinking(text: &str) -> Object {
    let said = Object::new().with("type", "text").with("text", text);
    Object::new().with("type", "thinking").with("thinking", [said])
}
