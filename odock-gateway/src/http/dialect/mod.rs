//! Errors in the shape that each family's own SDKs understand.

pub mod anthropic;
pub mod gemini;
pub mod mistral;
pub mod odock;
pub mod openai;

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::error::GatewayError;
use crate::pipeline::admit::REQUEST_ID;
use crate::providers::Family;

/// What the callers of a route speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect(pub Family);

/// What every shape adds to its family's own fields: the published code and message, and what a limit's refusal carries.
#[derive(Debug, Serialize)]
struct Ours<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    request_id: &'a str,
}

impl<'a> Ours<'a> {
    fn of(error: &'a GatewayError, request_id: &'a str) -> Self {
        Self {
            code: error.code.wire().1,
            message: &error.message,
            scope: error.scope,
            limit: error.limit,
            retry_after: error.retry_after,
            request_id,
        }
    }
}

impl Dialect {
    /// An error's body: JSON in one line.
    #[must_use]
    pub fn body(self, error: &GatewayError, request_id: &str) -> Vec<u8> {
        match self.0 {
            Family::OpenAi | Family::Vllm | Family::HuggingFace => openai::body(error, request_id),
            Family::Anthropic => anthropic::body(error, request_id),
            Family::Gemini => gemini::body(error, request_id),
            Family::Mistral => mistral::body(error, request_id),
            Family::Odock => odock::body(error, request_id),
        }
    }

    /// An error as an answer.
    #[must_use]
    pub fn error(self, error: &GatewayError, request_id: &str) -> Response {
        let mut response = Response::new(Body::from(self.body(error, request_id)));
        *response.status_mut() = error.code.wire().0;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            if self.0 == Family::Anthropic {
                // The name by which Anthropic's SDKs report a request.
                headers.insert("request-id", id.clone());
            }
            headers.insert(REQUEST_ID, id);
        }
        if let Some(seconds) = error.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        } else if matches!(error.code.wire().0, StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT) {
            // No wait will help; the SDKs of OpenAI and Anthropic would try these again by themselves.
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        response
    }
}

/// A shape as JSON. Strings and numbers always serialise.
fn json(shape: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(shape).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn shown(family: Family) -> String {
        let limited = GatewayError::new(ErrorCode::RpmExceeded, "too \"busy\"").retry_after(3).limited("team", Some(7));
        let plain = GatewayError::new(ErrorCode::ModelNotFound, "no such model").caused_by("secret detail");
        let body = |error| String::from_utf8(Dialect(family).body(error, "r-1")).unwrap();
        format!("{}\n{}", body(&limited), body(&plain))
    }

    #[test]
    fn every_family_has_its_own_shape_and_our_code() {
        use Family::{Anthropic, Gemini, Mistral, Odock, OpenAi};
        let all = [OpenAi, Anthropic, Gemini, Mistral, Odock].map(|family| format!("{family:?}\n{}", shown(family)));
        insta::assert_snapshot!(all.join("\n\n"));
    }
}
