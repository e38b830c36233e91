//! The Mistral family: chat, fill-in-the-middle, embeddings, moderation, documents and models.

mod fim;
mod moderation;
mod ocr;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;

use crate::{
    answer::Answer,
    family::{Family, Problem, header},
    json::Object,
    openai::{self, Vendor},
    request::{Asked, Inbound},
};

/// Mistral.
pub(crate) struct Mistral;

impl Family for Mistral {
    fn read<'a>(&self, inbound: &Inbound<'a>) -> Result<Asked<'a>, Problem> {
        let ends = |end: &str| inbound.route.ends_with(end);
        let ask = if ends("/fim/completions") {
            fim::ask
        } else if ends("/moderations") {
            moderation::ask
        } else if ends("/ocr") {
            ocr::ask
        } else if ends("/chat/completions") || ends("/embeddings") || inbound.route.contains("/models") {
            return openai::read(Vendor::Mistral, inbound, inbound.route, None);
        } else {
            return Err(Problem::NoSuchRoute);
        };
        if inbound.method != Method::POST {
            return Err(Problem::WrongMethod);
        }
        Ok(ask(inbound))
    }

    fn presented_key<'a>(&self, inbound: &Inbound<'a>) -> Option<&'a str> {
        inbound.authorization("Bearer")
    }

    fn error(&self, _: &Inbound<'_>, problem: &Problem) -> Answer {
        let (status, body) = match problem {
            Problem::NoKey | Problem::WrongKey => (problem.status(), Object::new().with("detail", "Unauthorized")),
            Problem::NoSuchRoute | Problem::NoVersion => {
                (problem.status(), Object::new().with("message", "no Route matched with those values"))
            }
            Problem::WrongMethod => (problem.status(), Object::new().with("detail", "Method Not Allowed")),
            Problem::Invalid(message) => {
                let detail = json!({"detail": [{"type": "value_error", "loc": ["body"], "msg": message, "input": {}}]});
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                (status, error(status, detail, "invalid_request_error", None))
            }
            Problem::Scripted(status) => {
                let (message, kind, code) = scripted_words(*status);
                (*status, error(*status, message, kind, code))
            }
        };
        Answer::json(status, body.into_bytes())
    }

    fn headers(&self, inbound: &Inbound<'_>, status: StatusCode) -> Vec<(HeaderName, HeaderValue)> {
        let number = inbound.number;
        let mut headers = vec![
            header("mistral-correlation-id", &format!("00000000-0000-4000-8000-{number:012}")),
            header("x-kong-request-id", &format!("{number:032x}")),
        ];
        if status == StatusCode::TOO_MANY_REQUESTS {
            headers.push(header("ratelimitbysize-reset", "1"));
        }
        headers
    }
}

fn error(status: StatusCode, message: impl serde::Serialize, kind: &str, code: Option<&str>) -> Object {
    Object::new()
        .with("object", "error")
        .with("message", message)
        .with("type", kind)
        .with("param", ())
        .with("code", code)
        .with("raw_status_code", status.as_u16())
}

fn scripted_words(status: StatusCode) -> (&'static str, &'static str, Option<&'static str>) {
    match status.as_u16() {
        400 => ("Invalid model: no such model", "invalid_model", Some("1500")),
        401 => ("Unauthorized", "unauthorized", None),
        429 => ("Rate limit exceeded", "rate_limited", Some("1300")),
        503 => ("Service unavailable.", "unreachable_backend", Some("1100")),
        500.. => ("Internal server error", "internal_server_error", Some("3800")),
        _ => ("The simulated upstream refuses this request, as scripted.", "invalid_request_error", None),
    }
}
