//! The OpenAI family's wire format: chat completions, unary and streamed, models, and errors.

mod call;
mod chunks;
mod wire;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::AUTHORIZATION, request::Parts};

pub(crate) use call::{ChatBody, ChatCall};

use crate::{
    Access, Fault, Script, UsageReport,
    answer::{Answer, Step},
};
use wire::{Completion, Message, Usage};

/// Content type of a stream.
const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// Models of the list, beside those of the naming convention.
const MODELS: &[&str] = &["gpt-4o", "gpt-4o-mini", "text-embedding-3-small"];

/// When everything here was made: a fixed time keeps answers the same from run to run.
const CREATED: u64 = 1_767_225_600;

/// Answers a chat completion as scripted. `number` makes the ids.
pub(crate) fn chat(script: &Script, call: &ChatCall<'_>, number: u64) -> Answer {
    let status = StatusCode::from_u16(script.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = if let Some(payload) = &script.payload {
        Answer::whole(status, &payload.content_type, payload.bytes.clone())
    } else if status.is_client_error() || status.is_server_error() {
        scripted_error(status)
    } else if call.stream {
        return chunks::stream(script, call, number, status);
    } else {
        unary(script, call, number, status)
    };
    misbehave(script.fault.as_ref(), &mut answer);
    answer
}

fn unary(script: &Script, call: &ChatCall<'_>, number: u64, status: StatusCode) -> Answer {
    let completion = Completion {
        id: format_args!("chatcmpl-sim-{number}"),
        created: CREATED,
        model: call.model,
        message: Message::of(script, number),
        finish_reason: finish_reason(script),
        usage: (script.usage_report != UsageReport::Never).then(|| Usage::of(script, call)),
    };
    Answer::json(status, completion.to_json())
}

/// Applies a fault to a body that was to be sent in one piece.
fn misbehave(fault: Option<&Fault>, answer: &mut Answer) {
    let Some(Step::Write(body)) = answer.steps.front().cloned() else { return };
    let half = body.slice(..body.len() / 2);
    let end = match fault {
        None | Some(Fault::StallBeforeHeaders | Fault::Reset | Fault::ErrorAfter(_)) => return,
        Some(Fault::Garbage) | Some(Fault::EndAfter(_)) => {
            answer.steps = [Step::Write(half)].into();
            return;
        }
        Some(Fault::StallAfter(_)) => Step::Stall,
        Some(Fault::CutAfter(_)) => Step::Reset,
        Some(Fault::CloseAfter(_) | Fault::HalfBody) => Step::Close,
    };
    answer.declared_length = Some(body.len());
    answer.steps = [Step::Write(half), Step::Flush, end].into();
}

fn finish_reason(script: &Script) -> &str {
    match &script.finish_reason {
        Some(reason) => reason,
        None if script.tool_calls.is_empty() => "stop",
        None => "tool_calls",
    }
}

/// The deployment that an Azure path names. Azure serves no such path without the version of its API.
pub(crate) fn deployment(parts: &Parts) -> Result<Option<&str>, Answer> {
    let Some((_, rest)) = parts.uri.path().split_once("/openai/deployments/") else { return Ok(None) };
    let versioned =
        parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("api-version=")));
    if !versioned {
        return Err(error(StatusCode::NOT_FOUND, "Resource not found", Some("404")));
    }
    Ok(rest.split_once('/').map(|(deployment, _)| deployment))
}

/// The list of models.
pub(crate) fn models() -> Answer {
    let names = MODELS.iter().copied().chain(crate::MODEL_NAMES.iter().map(|(name, _)| *name));
    let list = names
        .map(|id| serde_json::json!({"id": id, "object": "model", "created": CREATED, "owned_by": "odock-sim"}))
        .collect::<Vec<_>>();
    Answer::json(StatusCode::OK, serde_json::json!({"object": "list", "data": list}).to_string())
}

/// Refuses callers whom the script does not answer.
pub(crate) fn authorise(access: &Access, headers: &HeaderMap) -> Result<(), Answer> {
    let sent = presented_key(headers);
    match (access, sent) {
        (Access::Open, _) | (Access::AnyKey, Some(_)) => Ok(()),
        (Access::Key(expected), Some(sent)) if expected == sent => Ok(()),
        (_, Some(_)) => Err(error(
            StatusCode::UNAUTHORIZED,
            "Incorrect API key provided. You can find your API key in your account settings.",
            Some("invalid_api_key"),
        )),
        (_, None) => Err(error(
            StatusCode::UNAUTHORIZED,
            "You didn't provide an API key. Provide it in an Authorization header using Bearer auth, or in an \
             api-key header.",
            None,
        )),
    }
}

/// The key of an `Authorization: Bearer` or an `api-key` header.
fn presented_key(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let key = bearer.or_else(|| headers.get("api-key")?.to_str().ok())?.trim();
    (!key.is_empty()).then_some(key)
}

/// An error in the family's shape.
pub(crate) fn error(status: StatusCode, message: &str, code: Option<&str>) -> Answer {
    Answer::json(status, error_body(status, message, code))
}

fn scripted_error(status: StatusCode) -> Answer {
    let (message, code) = match status.as_u16() {
        401 => ("Incorrect API key provided.", Some("invalid_api_key")),
        404 => ("The model does not exist or you do not have access to it.", Some("model_not_found")),
        429 => ("Rate limit reached. Please try again in 1s.", Some("rate_limit_exceeded")),
        503 => ("The engine is currently overloaded, please try again later.", None),
        500.. => ("The server had an error while processing your request.", None),
        _ => ("The simulated upstream refuses this request, as scripted.", None),
    };
    error(status, message, code)
}

fn error_body(status: StatusCode, message: &str, code: Option<&str>) -> Bytes {
    let kind = match status.as_u16() {
        429 => "requests",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    serde_json::json!({"error": {"message": message, "type": kind, "param": null, "code": code}}).to_string().into()
}
