//! Anthropic's protocol (<https://platform.claude.com/docs/en/api/messages>).

mod adds;
pub mod count_tokens;
pub mod messages;
pub mod stream;
pub mod usage;

use http::{HeaderName, HeaderValue, Uri};

use super::address::with_query;
use super::call::{Asked, Call, DecodeError, Outgoing};
use super::operation::Place;

/// The version of the protocol that callers mean who name none.
pub(super) const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));

/// What of a caller's query goes on: the SDKs' preview functions ask for `?beta=true`.
fn query(asked: &Asked<'_>) -> Option<&'static str> {
    asked.query.unwrap_or_default().split('&').any(|pair| pair == "beta=true").then_some("beta=true")
}

/// The caller's body with the upstream's name of the model, and the version that the protocol insists on.
fn outgoing(call: &Call, place: &Place<'_>) -> Result<Outgoing, DecodeError> {
    let body = call.json_body()?.encode(place.slug, call.cap.map(|tokens| (tokens, "max_tokens")));
    Ok(Outgoing { defaults: vec![VERSION], uri: uri(call, place), ..Outgoing::as_sent(body) })
}

/// Where the call goes, if it has a query.
fn uri(call: &Call, place: &Place<'_>) -> Option<Uri> {
    let query = call.query?;
    with_query(&call.operation.uri(place, call.stream)?, query)
}

/// An endpoint of the provider.
fn endpoint(place: &Place<'_>, endpoint: &str) -> Option<Uri> {
    place.address.endpoint(place.provider, place.config, place.slug, endpoint)
}

/// The least cap on an answer that Anthropic takes with a request's thinking, and why: `max_tokens` must be greater than
/// `thinking.budget_tokens` (Anthropic's documentation, "Building with extended thinking").
pub(super) fn least_cap(request: &[u8]) -> Option<(u64, String)> {
    #[derive(serde::Deserialize)]
    struct Request {
        #[serde(default)]
        thinking: Option<Thinking>,
    }
    #[derive(serde::Deserialize)]
    struct Thinking {
        #[serde(default)]
        budget_tokens: Option<u64>,
    }
    memchr::memmem::find(request, b"budget_tokens")?;
    let budget = serde_json::from_slice::<Request>(request).ok()?.thinking?.budget_tokens?;
    let why = format!("its answer must have room for more than thinking.budget_tokens, {budget}");
    Some((budget.saturating_add(1), why))
}
