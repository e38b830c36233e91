//! The OpenAI family: chat completions, completions, responses, embeddings, images, audio and models.
//!
//! Other families answer the same routes in nearly the same shapes; [`Vendor`] is what differs.

mod audio;
mod call;
mod chat;
mod chunks;
mod completions;
mod delta;
mod embeddings;
mod images;
mod models;
mod responses;
mod vendor;
mod wire;

use http::{HeaderName, HeaderValue, Method, StatusCode};

pub(crate) use chat::prompted;
pub(crate) use embeddings::vector;
pub(crate) use vendor::Vendor;

use crate::{
    answer::Answer,
    family::{Family, Problem, header},
    json::Object,
    request::{Asked, Inbound},
};

/// When everything here was made: a fixed time keeps answers the same from run to run.
pub(crate) const CREATED: u64 = 1_767_225_600;

/// OpenAI itself.
pub(crate) struct OpenAi;

impl Family for OpenAi {
    fn read<'a>(&self, inbound: &Inbound<'a>) -> Result<Asked<'a>, Problem> {
        read(Vendor::OpenAi, inbound, inbound.route, None)
    }

    fn presented_key<'a>(&self, inbound: &Inbound<'a>) -> Option<&'a str> {
        bearer_or_api_key(inbound)
    }

    fn error(&self, inbound: &Inbound<'_>, problem: &Problem) -> Answer {
        let (message, code) = words(inbound, problem);
        error(problem.status(), &message, code)
    }

    fn headers(&self, inbound: &Inbound<'_>, _: StatusCode) -> Vec<(HeaderName, HeaderValue)> {
        vec![header("x-request-id", &format!("req_sim_{}", inbound.number))]
    }
}

/// Reads a request for one of the family's routes, found by its end, below any base path.
pub(crate) fn read<'a>(
    vendor: Vendor,
    inbound: &Inbound<'a>,
    route: &'a str,
    deployment: Option<&'a str>,
) -> Result<Asked<'a>, Problem> {
    let ends = |end: &str| route.ends_with(end);
    if let Some(asked) = models::read(vendor, inbound, route) {
        return asked;
    }
    let ask = if ends("/chat/completions") {
        chat::ask
    } else if ends("/completions") {
        completions::ask
    } else if ends("/responses") {
        responses::ask
    } else if ends("/embeddings") {
        embeddings::ask
    } else if ends("/images/generations") {
        images::ask_generation
    } else if ends("/images/edits") {
        images::ask_edit
    } else if ends("/images/variations") {
        images::ask_variation
    } else if ends("/audio/transcriptions") || ends("/audio/translations") {
        audio::ask
    } else {
        return Err(Problem::NoSuchRoute);
    };
    if inbound.method != Method::POST {
        return Err(Problem::WrongMethod);
    }
    Ok(ask(vendor, inbound, deployment))
}

/// The key of an `Authorization: Bearer` or an `api-key` header.
pub(crate) fn bearer_or_api_key<'a>(inbound: &Inbound<'a>) -> Option<&'a str> {
    inbound.authorization("Bearer").or_else(|| inbound.header("api-key")).map(str::trim)
}

/// The family's words and code for a problem.
fn words(inbound: &Inbound<'_>, problem: &Problem) -> (String, Option<&'static str>) {
    let (message, code) = match problem {
        Problem::NoKey => (
            "You didn't provide an API key. Provide it in an Authorization header using Bearer auth, or in an \
             api-key header.",
            None,
        ),
        Problem::WrongKey => {
            ("Incorrect API key provided. You can find your API key in your account settings.", Some("invalid_api_key"))
        }
        Problem::NoSuchRoute => {
            return (format!("Unknown request URL: {} {}.", inbound.method, inbound.path), Some("unknown_url"));
        }
        Problem::WrongMethod => ("Only POST is supported here.", None),
        Problem::NoVersion => ("Resource not found", Some("404")),
        Problem::Invalid(message) => (message.as_str(), None),
        Problem::Scripted(status) => scripted_words(*status),
    };
    (message.to_owned(), code)
}

fn scripted_words(status: StatusCode) -> (&'static str, Option<&'static str>) {
    match status.as_u16() {
        401 => ("Incorrect API key provided.", Some("invalid_api_key")),
        404 => ("The model does not exist or you do not have access to it.", Some("model_not_found")),
        429 => ("Rate limit reached. Please try again in 1s.", Some("rate_limit_exceeded")),
        503 => ("The engine is currently overloaded, please try again later.", None),
        500.. => ("The server had an error while processing your request.", None),
        _ => ("The simulated upstream refuses this request, as scripted.", None),
    }
}

fn error(status: StatusCode, message: &str, code: Option<&str>) -> Answer {
    let kind = match status.as_u16() {
        429 => "requests",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    Answer::json(status, error_body(message, kind, code))
}

/// An error in OpenAI's shape.
pub(crate) fn error_body(message: &str, kind: &str, code: Option<&str>) -> bytes::Bytes {
    let error = Object::new().with("message", message).with("type", kind).with("param", ()).with("code", code);
    Object::new().with("error", error).into_bytes()
}
