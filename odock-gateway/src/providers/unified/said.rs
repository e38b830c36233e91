//! What a model said: the `content_blocks` of an answer, which a caller may send back in the next turn.

use serde::Serialize;
use serde_json::{Value, json};

/// A piece of an answer. The request's side reads the same shapes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    Text {
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        family: Option<&'static str>,
    },
    Refusal {
        refusal: String,
    },
    Reasoning {
        family: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        redacted: Option<String>,
    },
    ToolCall(Called),
    Native {
        family: &'static str,
        block: Value,
    },
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Called {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<String>,
}

impl Said {
    pub(super) fn plain(text: String) -> Self {
        Self::Text { text, signature: None, family: None }
    }

    /// Bytes of content, from which tokens are estimated.
    pub(super) fn content_bytes(&self) -> usize {
        match self {
            Self::Text { text, .. } | Self::Refusal { refusal: text } => text.len(),
            Self::Reasoning { text, .. } => text.as_ref().map_or(0, String::len),
            Self::ToolCall(call) => call.name.len() + call.arguments.len(),
            Self::Native { .. } => 0,
        }
    }
}

impl Called {
    /// The call as an entry of OpenAI's `tool_calls`, its signature where Google's OpenAI-compatible API has it.
    pub(super) fn in_openais_words(&self) -> Value {
        let mut call = json!({
            "id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments},
        });
        if let Some(signature) = &self.signature {
            call["extra_content"] = json!({"google": {"thought_signature": signature}});
        }
        call
    }
}
