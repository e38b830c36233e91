//! The vLLM family: OpenAI's operations as vLLM answers them, and its own for tokens, pooling and ranking.

mod pooling;
mod tokens;

use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::{
    answer::Answer,
    family::{Family, Problem, header},
    json::Object,
    openai::{self, Vendor},
    request::{Asked, Inbound},
};

/// A vLLM server.
pub(crate) struct Vllm;

impl Family for Vllm {
    fn read<'a>(&self, inbound: &Inbound<'a>) -> Result<Asked<'a>, Problem> {
        let ends = |end: &str| inbound.route.ends_with(end);
        let ask = if ends("/detokenize") {
            tokens::ask_text
        } else if ends("/tokenize") {
            tokens::ask
        } else if ends("/pooling") {
            pooling::ask
        } else if ends("/classify") {
            pooling::ask_classes
        } else if ends("/score") {
            pooling::ask_scores
        } else if ends("/rerank") {
            pooling::ask_ranks
        } else {
            return openai::read(Vendor::Vllm, inbound, inbound.route, None);
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
        let status = problem.status();
        let body = match problem {
            Problem::NoKey | Problem::WrongKey => Object::new().with("error", "Unauthorized"),
            Problem::NoSuchRoute | Problem::NoVersion => Object::new().with("detail", "Not Found"),
            Problem::WrongMethod => Object::new().with("detail", "Method Not Allowed"),
            Problem::Invalid(message) => error(status, message),
            Problem::Scripted(_) => error(status, scripted_words(status)),
        };
        Answer::json(status, body.into_bytes())
    }

    fn headers(&self, inbound: &Inbound<'_>, _: StatusCode) -> Vec<(HeaderName, HeaderValue)> {
        vec![header("server", "uvicorn"), header("x-request-id", &format!("req_sim_{}", inbound.number))]
    }
}

fn error(status: StatusCode, message: &str) -> Object {
    let kind = match status.as_u16() {
        404 => "NotFoundError",
        429 => "RateLimitError",
        503 => "ServiceUnavailableError",
        500.. => "InternalServerError",
        _ => "BadRequestError",
    };
    let error = Object::new().with("message", message).with("type", kind).with("param", ());
    Object::new().with("error", error.with("code", status.as_u16()))
}

fn scripted_words(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 => "The model does not exist.",
        500.. => "EngineCore encountered an issue. See stack trace (above) for the root cause.",
        _ => "The simulated upstream refuses this request, as scripted.",
    }
}
