//! The Gemini family: content, streamed or whole, counts, embeddings and models.

mod content;
mod embed;
mod models;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    family::{Family, Problem, header},
    json::Object,
    request::{Asked, Inbound},
};

/// Google's Gemini API.
pub(crate) struct Gemini;

impl Family for Gemini {
    fn read<'a>(&self, inbound: &Inbound<'a>) -> Result<Asked<'a>, Problem> {
        if let Some(asked) = models::read(inbound) {
            return asked;
        }
        let (model, verb) = called(inbound.route).ok_or(Problem::NoSuchRoute)?;
        let (_, ask) = VERBS.iter().find(|(name, _)| *name == verb).ok_or(Problem::NoSuchRoute)?;
        if inbound.method != Method::POST {
            return Err(Problem::NoSuchRoute); // the verb belongs to the route
        }
        Ok(ask(inbound, model))
    }

    fn presented_key<'a>(&self, inbound: &Inbound<'a>) -> Option<&'a str> {
        let header = inbound.header("x-goog-api-key").map(str::trim);
        header.or_else(|| inbound.parameter("key")).or_else(|| inbound.authorization("Bearer"))
    }

    fn error(&self, inbound: &Inbound<'_>, problem: &Problem) -> Answer {
        let (status, message, details) = words(inbound, problem);
        Answer::whole(status, JSON, Object::new().with("error", error(status, &message, &details)).into_bytes())
    }

    fn headers(&self, _: &Inbound<'_>, _: StatusCode) -> Vec<(HeaderName, HeaderValue)> {
        vec![
            header("server", "scaffolding on HTTPServer2"),
            header("x-content-type-options", "nosniff"),
            header("server-timing", "gfet4t7; dur=1"),
        ]
    }
}

/// Reads a request for a verb of a model.
type Ask = for<'a> fn(&Inbound<'a>, &'a str) -> Asked<'a>;

/// What can be asked of a model.
const VERBS: &[(&str, Ask)] = &[
    ("generateContent", content::ask),
    ("streamGenerateContent", content::ask_stream),
    ("countTokens", content::ask_count),
    ("embedContent", embed::ask),
    ("batchEmbedContents", embed::ask_batch),
];

/// Whether a path ends with one of this family's verbs.
pub(crate) fn has_verb(path: &str) -> bool {
    called(path).is_some_and(|(_, verb)| VERBS.iter().any(|(name, _)| *name == verb))
}

/// Content type of answers.
const JSON: &str = "application/json; charset=UTF-8";

/// The model and the verb of `…/models/{model}:{verb}`.
fn called(route: &str) -> Option<(&str, &str)> {
    let (_, called) = route.rsplit_once("odels/")?; // also `tunedModels/`
    called.split_once(':')
}

/// An error in the family's shape, without what stands around it.
fn error(status: StatusCode, message: &str, details: &[Value]) -> Object {
    Object::new()
        .with("code", status.as_u16())
        .with("message", message)
        .with("status", name(status))
        .maybe("details", (!details.is_empty()).then_some(details))
}

/// The canonical name of a status.
fn name(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

fn words(inbound: &Inbound<'_>, problem: &Problem) -> (StatusCode, String, Vec<Value>) {
    match problem {
        Problem::NoKey => (
            StatusCode::FORBIDDEN,
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or \
             other form of API consumer identity to call this API."
                .to_owned(),
            Vec::new(),
        ),
        Problem::WrongKey => (
            StatusCode::BAD_REQUEST,
            "API key not valid. Please pass a valid API key.".to_owned(),
            vec![json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"}})],
        ),
        Problem::NoSuchRoute | Problem::NoVersion | Problem::WrongMethod => {
            let message = format!("There is nothing at {} {}.", inbound.method, inbound.path);
            (StatusCode::NOT_FOUND, message, Vec::new())
        }
        Problem::Invalid(message) => (StatusCode::BAD_REQUEST, message.clone(), Vec::new()),
        Problem::Scripted(status) => {
            let (message, details) = scripted_words(*status);
            (*status, message.to_owned(), details)
        }
    }
}

fn scripted_words(status: StatusCode) -> (&'static str, Vec<Value>) {
    match status.as_u16() {
        429 => (
            "You exceeded your current quota, please check your plan and billing details.",
            vec![json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"})],
        ),
        404 => ("The model is not found for API version v1beta, or is not supported for this method.", Vec::new()),
        503 => ("The model is overloaded. Please try again later.", Vec::new()),
        500.. => ("An internal error has occurred.", Vec::new()),
        _ => ("The simulated upstream refuses this request, as scripted.", Vec::new()),
    }
}
