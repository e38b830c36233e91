//! What came back: bodies within bounds, refusals as errors, causes in words.

use bytes::{Bytes, BytesMut};
use entity::problem::Problem;
use reqwest::Response;
use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::{ClientError, retry};

/// The most bytes of one answer.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

pub(super) async fn read_body(response: &mut Response, url: &str) -> Result<Bytes, ClientError> {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER => {
                let reason = format!("it is larger than {} MiB", MAX_ANSWER >> 20);
                return Err(ClientError::Decode { url: url.into(), reason, request_id: request_id(response) });
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(error) => {
                return Err(ClientError::Unreachable { url: url.into(), reason: root_cause(&error), sent: true });
            }
        }
    }
}

/// Turns an answer that is no success into an error.
pub(super) async fn refusal(mut response: Response, url: String) -> ClientError {
    let status = response.status().as_u16();
    let request_id = request_id(&response);
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let retry_after = header("retry-after").as_deref().and_then(retry::retry_after);
    let location = header("location");
    let body = match read_body(&mut response, &url).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    if let Some(mut problem) = problem(&body, status) {
        if problem.request_id.is_empty() {
            problem.request_id = request_id.unwrap_or_default();
        }
        return ClientError::Problem { problem: Box::new(problem), retry_after };
    }
    let excerpt = match location {
        Some(place) if (300..400).contains(&status) => format!("it redirects to {place}"),
        _ => excerpt(&body),
    };
    ClientError::Foreign { url, status, request_id, retry_after, excerpt }
}

/// Reads the management plane's `problem+json`, or the data plane's `{"error": {"code", "message"}}`.
fn problem(body: &[u8], status: u16) -> Option<Problem> {
    #[derive(Deserialize)]
    struct DataPlane {
        error: DataPlaneError,
    }
    #[derive(Deserialize)]
    struct DataPlaneError {
        code: String,
        message: String,
    }
    if let Ok(problem) = serde_json::from_slice::<Problem>(body) {
        return Some(Problem { status, ..problem });
    }
    let DataPlane { error } = serde_json::from_slice(body).ok()?;
    Some(Problem {
        status,
        code: error.code,
        title: error.message,
        hint: None,
        request_id: String::new(),
        errors: Vec::new(),
    })
}

/// The beginning of a text for people: one line, no control characters.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line: String = words.join(" ").chars().take(160).collect();
    if line.is_empty() { "the answer is empty".into() } else { line }
}

pub(super) fn request_id(response: &Response) -> Option<String> {
    response.headers().get("x-request-id").and_then(handle)
}

/// The handle of a request from its header.
pub(super) fn handle(value: &HeaderValue) -> Option<String> {
    Some(value.to_str().ok()?.chars().take(128).collect())
}

pub(super) fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        // An I/O error that wraps another hides it from `source`.
        error
            .downcast_ref::<std::io::Error>()
            .and_then(|io| io.get_ref())
            .map_or_else(|| error.source(), |inner| Some(inner as &(dyn std::error::Error + 'static)))
    })
}

pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}
