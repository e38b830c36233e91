//! The Anthropic family: messages, token counts and models.

mod blocks;
mod events;
mod message;
mod models;

use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::{
    answer::Answer,
    family::{Family, Problem, header},
    json::Object,
    request::{Asked, Inbound},
};

/// Anthropic.
pub(crate) struct Anthropic;

impl Family for Anthropic {
    fn read<'a>(&self, inbound: &Inbound<'a>) -> Result<Asked<'a>, Problem> {
        if let Some(asked) = models::read(inbound) {
            return asked;
        }
        let ask = if inbound.route.ends_with("/messages") {
            message::ask
        } else if inbound.route.ends_with("/messages/count_tokens") {
            message::ask_count
        } else {
            return Err(Problem::NoSuchRoute);
        };
        if inbound.method != Method::POST {
            return Err(Problem::WrongMethod);
        }
        if inbound.header("anthropic-version").is_none() {
            return Ok(Asked::unreadable("anthropic-version: header is required".to_owned()));
        }
        Ok(ask(inbound))
    }

    fn presented_key<'a>(&self, inbound: &Inbound<'a>) -> Option<&'a str> {
        inbound.header("x-api-key").map(str::trim).or_else(|| inbound.authorization("Bearer"))
    }

    fn error(&self, inbound: &Inbound<'_>, problem: &Problem) -> Answer {
        let message = match problem {
            Problem::NoKey => "x-api-key header is required",
            Problem::WrongKey => "invalid x-api-key",
            Problem::NoSuchRoute | Problem::NoVersion => "Not Found",
            Problem::WrongMethod => "Method Not Allowed",
            Problem::Invalid(message) => message,
            Problem::Scripted(status) => scripted_words(*status),
        };
        let status = problem.status();
        Answer::json(status, error(kind(status), message, inbound.number).into_bytes())
    }

    fn headers(&self, inbound: &Inbound<'_>, status: StatusCode) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = vec![
            header("request-id", &request_id(inbound.number)),
            header("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
            header("anthropic-ratelimit-requests-limit", "4000"),
        ];
        if status == StatusCode::TOO_MANY_REQUESTS {
            headers.push(header("retry-after", "1"));
        }
        headers
    }
}

fn request_id(number: u64) -> String {
    format!("req_sim_{number}")
}

/// An error in the family's shape.
fn error(kind: &str, message: &str, number: u64) -> Object {
    let error = Object::new().with("type", kind).with("message", message);
    Object::new().with("type", "error").with("error", error).with("request_id", request_id(number))
}

/// The type of error that goes with a status.
fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn scripted_words(status: StatusCode) -> &'static str {
    match kind(status) {
        "authentication_error" => "invalid x-api-key",
        "not_found_error" => "model: not found",
        "rate_limit_error" => "This request would exceed your organization's rate limit.",
        "overloaded_error" => "Overloaded",
        "api_error" => "Internal server error",
        "timeout_error" => "Request timed out",
        _ => "The simulated upstream refuses this request, as scripted.",
    }
}
