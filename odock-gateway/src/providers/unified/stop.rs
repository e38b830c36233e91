//! Why an answer ended.

use serde::Serialize;

/// Why an answer ended, in the words of no family: `stop_reason` of the normalised object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The model had said all.
    EndTurn,
    /// It came to one of the caller's stop sequences. OpenAI does not tell this from the end of a turn.
    StopSequence,
    /// It came to the cap on output.
    MaxTokens,
    /// The conversation fills the model's context.
    ContextWindow,
    /// It waits for results of the tools that it called.
    ToolCalls,
    /// It declined.
    Refusal,
    /// The provider's filter stopped it.
    ContentFilter,
    /// The provider paused a long turn, to be gone on with.
    Pause,
    /// The provider failed within the answer, or the model's call of a tool was none.
    Error,
    /// A reason that is not known here, or none.
    Unknown,
}

impl StopReason {
    /// The `finish_reason` of a chat completion chunk.
    #[must_use]
    pub const fn finish_reason(self) -> &'static str {
        match self {
            Self::EndTurn | Self::StopSequence | Self::Pause | Self::Unknown => "stop",
            Self::MaxTokens | Self::ContextWindow => "length",
            Self::ToolCalls => "tool_calls",
            Self::Refusal | Self::ContentFilter => "content_filter",
            // Not among OpenAI's own; Mistral and OpenRouter say so too, and nothing else would be true.
            Self::Error => "error",
        }
    }

    /// A `finish_reason` of OpenAI's language, Mistral's included.
    pub(super) fn of_openai(reason: &str) -> Self {
        match reason {
            "stop" => Self::EndTurn,
            "length" => Self::MaxTokens,
            "model_length" => Self::ContextWindow,
            "tool_calls" | "function_call" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            "error" => Self::Error,
            _ => Self::Unknown,
        }
    }

    /// A `stop_reason` of Anthropic's.
    pub(super) fn of_anthropic(reason: &str) -> Self {
        match reason {
            "end_turn" => Self::EndTurn,
            "stop_sequence" => Self::StopSequence,
            "max_tokens" => Self::MaxTokens,
            "model_context_window_exceeded" => Self::ContextWindow,
            "tool_use" => Self::ToolCalls,
            "refusal" => Self::Refusal,
            "pause_turn" => Self::Pause,
            _ => Self::Unknown,
        }
    }

    /// A `finishReason` of Gemini's, which has none of its own for calls of tools.
    pub(super) fn of_gemini(reason: &str, called: bool) -> Self {
        match reason {
            "STOP" if called => Self::ToolCalls,
            "STOP" => Self::EndTurn,
            "MAX_TOKENS" => Self::MaxTokens,
            "SAFETY"
            | "RECITATION"
            | "LANGUAGE"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION"
            | "ESCALATION"
            | "MODEL_ARMOR" => Self::ContentFilter,
            "CONTINUATION" => Self::Pause,
            "MALFORMED_FUNCTION_CALL"
            | "UNEXPECTED_TOOL_CALL"
            | "TOO_MANY_TOOL_CALLS"
            | "MISSING_THOUGHT_SIGNATURE"
            | "MALFORMED_RESPONSE"
            | "NO_IMAGE"
            | "OTHER"
            | "IMAGE_OTHER" => Self::Error,
            _ => Self::Unknown,
        }
    }
}
