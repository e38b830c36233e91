//! A body that is sent as it is.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
