//! A body that is sent as it is.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A body and its content type. As JSON `{"json": …}`, `{"text": "…", "content_type": "…"}`, or for what is not text
/// `{"base64": "…", "content_type": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PayloadForm", into = "PayloadForm")]
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
    Base64 {
        base64: String,
        content_type: String,
    },
}

fn plain_text() -> String {
    "text/plain; charset=utf-8".to_owned()
}

impl TryFrom<PayloadForm> for Payload {
    type Error = base64::DecodeError;

    fn try_from(form: PayloadForm) -> Result<Self, Self::Error> {
        Ok(match form {
            PayloadForm::Json { json } => json.into(),
            PayloadForm::Text { text, content_type } => Self { bytes: text.into(), content_type },
            PayloadForm::Base64 { base64, content_type } => {
                Self { bytes: STANDARD.decode(base64)?.into(), content_type }
            }
        })
    }
}

impl From<Payload> for PayloadForm {
    fn from(Payload { bytes, content_type }: Payload) -> Self {
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::Text { text: text.to_owned(), content_type },
            Err(_) => Self::Base64 { base64: STANDARD.encode(&bytes), content_type },
        }
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
