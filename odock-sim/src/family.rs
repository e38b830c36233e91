//! The provider families: what each has to know, and which of them a request is for.

use http::{HeaderName, HeaderValue, StatusCode};

use crate::{
    Access,
    answer::Answer,
    anthropic::Anthropic,
    azure::Azure,
    gemini::{self, Gemini},
    huggingface::HuggingFace,
    mistral::Mistral,
    openai::OpenAi,
    request::{Asked, Inbound},
    vllm::Vllm,
};

/// A wire format.
pub(crate) trait Family: Sync {
    /// Reads what a request asks for; `Err` is a route that there is not.
    fn read<'a>(&self, inbound: &Inbound<'a>) -> Result<Asked<'a>, Problem>;

    /// The key that a request brings.
    fn presented_key<'a>(&self, inbound: &Inbound<'a>) -> Option<&'a str>;

    /// Says what is wrong in the family's shape.
    fn error(&self, inbound: &Inbound<'_>, problem: &Problem) -> Answer;

    /// The headers that the family's answers carry.
    fn headers(&self, inbound: &Inbound<'_>, status: StatusCode) -> Vec<(HeaderName, HeaderValue)>;
}

/// What is wrong with a request, or is said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It brings no key.
    NoKey,
    /// It brings another key than the expected one.
    WrongKey,
    /// There is nothing at its path.
    NoSuchRoute,
    /// Its path takes another method.
    WrongMethod,
    /// Its query names no version of the API.
    NoVersion,
    /// Its body is not what it should be.
    Invalid(String),
    /// Nothing is wrong, but the script says so.
    Scripted(StatusCode),
}

impl Problem {
    /// The status that goes with it where the family does not say otherwise.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoKey | Self::WrongKey => StatusCode::UNAUTHORIZED,
            Self::NoSuchRoute | Self::NoVersion => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Scripted(status) => *status,
        }
    }
}

/// Where the families that share paths with others are mounted.
const MOUNTS: &[(&str, &dyn Family)] = &[
    ("anthropic", &Anthropic),
    ("azure", &Azure),
    ("gemini", &Gemini),
    ("huggingface", &HuggingFace),
    ("mistral", &Mistral),
    ("vllm", &Vllm),
];

/// The family that a request is for, and the path below its mount point.
///
/// A mount point says it; without one, the paths that only one family has, and the headers that only one sends.
pub(crate) fn of<'a>(inbound: &Inbound<'a>) -> (&'static dyn Family, &'a str) {
    let path = inbound.path;
    let (first, _) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    if let Some((name, family)) = MOUNTS.iter().find(|(name, _)| *name == first) {
        return (*family, &path[1 + name.len()..]);
    }
    (unmounted(inbound), path)
}

fn unmounted(inbound: &Inbound<'_>) -> &'static dyn Family {
    let path = inbound.path;
    // The path that nearly all requests take comes first.
    if path == "/v1/chat/completions" {
        return &OpenAi;
    }
    let ends = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
    let sends = |header: &str| inbound.headers.contains_key(header);
    if ends(&["/v1/messages", "/v1/messages/count_tokens"]) || sends("anthropic-version") {
        &Anthropic
    } else if path.starts_with("/v1beta/") || sends("x-goog-api-key") || gemini::has_verb(path) {
        &Gemini
    } else if path.contains("/openai/deployments/") || path.contains("/openai/v1/") {
        &Azure
    } else if path.starts_with("/hf-inference/") || path.starts_with("/pipeline/") {
        &HuggingFace
    } else if ends(&["/fim/completions", "/ocr"]) {
        &Mistral
    } else if ends(&["/tokenize", "/detokenize", "/pooling", "/classify", "/score", "/rerank"]) {
        &Vllm
    } else {
        &OpenAi
    }
}

/// Refuses callers whom the script does not answer.
pub(crate) fn authorise(family: &dyn Family, access: &Access, inbound: &Inbound<'_>) -> Result<(), Problem> {
    let sent = family.presented_key(inbound).filter(|key| !key.is_empty());
    match (access, sent) {
        (Access::Open, _) | (Access::AnyKey, Some(_)) => Ok(()),
        (Access::Key(expected), Some(sent)) if expected == sent => Ok(()),
        (_, Some(_)) => Err(Problem::WrongKey),
        (_, None) => Err(Problem::NoKey),
    }
}

/// A header of an answer. Values that cannot be one are said to be invalid.
pub(crate) fn header(name: &'static str, value: &str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), header_value(value))
}

/// The value of a header.
pub(crate) fn header_value(value: &str) -> HeaderValue {
    HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;

    /// The first header that shows whose answer it is, and the path below the mount point.
    fn found(path: &'static str, header: Option<&'static str>) -> (String, String) {
        let headers: HeaderMap =
            header.map(|name| (HeaderName::from_static(name), "1".parse().unwrap())).into_iter().collect();
        let (method, body) = (Method::POST, Bytes::new());
        let inbound =
            Inbound { method: &method, path, route: path, query: "", headers: &headers, body: &body, number: 1 };
        let (family, route) = of(&inbound);
        (family.headers(&inbound, StatusCode::OK)[0].0.to_string(), route.to_owned())
    }

    #[test]
    fn mount_points_say_whose_a_path_is() {
        assert_eq!(
            found("/mistral/v1/chat/completions", None),
            ("mistral-correlation-id".into(), "/v1/chat/completions".into())
        );
        assert_eq!(found("/vllm", None), ("server".into(), String::new()));
        assert_eq!(found("/mistralish/v1/ocr/x", None), ("x-request-id".into(), "/mistralish/v1/ocr/x".into()));
    }

    #[test]
    fn without_one_paths_and_headers_do() {
        for (path, header, shown) in [
            ("/v1/chat/completions", None, "x-request-id"),
            ("/any/base/v1/responses", None, "x-request-id"),
            ("/", None, "x-request-id"),
            ("/v1/models/ft:gpt-4o", None, "x-request-id"),
            ("/v1/messages", None, "request-id"),
            ("/v1/models", Some("anthropic-version"), "request-id"),
            ("/v1beta/models", None, "server"),
            ("/v1/models", Some("x-goog-api-key"), "server"),
            ("/v1/models/gemini-2.5-flash:countTokens", None, "server"),
            ("/v1/fim/completions", None, "mistral-correlation-id"),
        ] {
            assert_eq!(found(path, header), (shown.to_owned(), path.to_owned()), "{path}");
        }
    }
}
