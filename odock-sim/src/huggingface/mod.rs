//! The Hugging Face family: the router's chat, the tasks of its own inference, and the providers behind it.

mod queue;
mod tasks;

use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::{
    answer::Answer,
    family::{Family, Problem, header},
    json::Object,
    openai::{self, Vendor},
    request::{Asked, Inbound},
};

/// Hugging Face's router.
pub(crate) struct HuggingFace;

impl Family for HuggingFace {
    fn read<'a>(&self, inbound: &Inbound<'a>) -> Result<Asked<'a>, Problem> {
        let route = inbound.route;
        match openai::read(Vendor::HuggingFace, inbound, route, hosted_model(route)) {
            Err(Problem::NoSuchRoute) => {}
            known => return known,
        }
        if let Some(asked) = queue::read(inbound) {
            return asked;
        }
        let (model, task) = tasks::called(route).ok_or(Problem::NoSuchRoute)?;
        if inbound.method != Method::POST {
            return Err(Problem::WrongMethod);
        }
        Ok(tasks::ask(inbound, model, task))
    }

    fn presented_key<'a>(&self, inbound: &Inbound<'a>) -> Option<&'a str> {
        // fal takes its own keys with a scheme of its own.
        inbound.authorization("Bearer").or_else(|| inbound.authorization("Key"))
    }

    fn error(&self, inbound: &Inbound<'_>, problem: &Problem) -> Answer {
        let status = problem.status();
        let body = match problem {
            Problem::NoKey | Problem::WrongKey => Object::new().with("error", "Invalid username or password."),
            Problem::NoSuchRoute | Problem::NoVersion => Object::new().with("error", "Not Found"),
            Problem::WrongMethod => Object::new().with("error", "Method Not Allowed"),
            Problem::Invalid(message) => refused(inbound, message, "invalid_request_error"),
            Problem::Scripted(status) => scripted(inbound, *status),
        };
        Answer::json(status, body.into_bytes())
    }

    fn headers(&self, inbound: &Inbound<'_>, _: StatusCode) -> Vec<(HeaderName, HeaderValue)> {
        vec![
            header("x-request-id", &format!("Root=1-sim-{}", inbound.number)),
            header("x-inference-provider", provider(inbound.route)),
            header("x-powered-by", "huggingface-moon"),
        ]
    }
}

/// The provider that a path goes to.
fn provider(route: &str) -> &str {
    let first = route.trim_start_matches('/').split('/').next().unwrap_or_default();
    if matches!(first, "" | "v1" | "models" | "pipeline") { "hf-inference" } else { first }
}

/// The model of a path below `/hf-inference/models/`, where chat is served as well.
fn hosted_model(route: &str) -> Option<&str> {
    let (_, rest) = route.split_once("/models/")?;
    rest.split_once("/v1/").map(|(model, _)| model)
}

/// An error of the router's chat has more to say than one of a task.
fn refused(inbound: &Inbound<'_>, message: &str, kind: &str) -> Object {
    if inbound.route.starts_with("/v1/") {
        let error = Object::new().with("message", message).with("type", kind).with("param", ()).with("code", ());
        return Object::new().with("error", error);
    }
    Object::new().with("error", message)
}

fn scripted(inbound: &Inbound<'_>, status: StatusCode) -> Object {
    let (message, kind) = match status.as_u16() {
        401 => return Object::new().with("error", "Invalid username or password."),
        402 => ("You have exceeded your monthly included credits for Inference Providers.", "invalid_request_error"),
        404 => ("The requested model does not exist", "invalid_request_error"),
        429 => ("Too Many Requests: rate limit reached", "rate_limit_error"),
        503 => {
            let loading = Object::new().with("error", "Model is currently loading");
            return loading.with("estimated_time", 20.0);
        }
        500.. => ("Internal Server Error - We're working hard to fix this as soon as possible!", "server_error"),
        _ => ("The simulated upstream refuses this request, as scripted.", "invalid_request_error"),
    };
    refused(inbound, message, kind)
}
