//! Which headers cross the gateway. Both lists say what passes; everything else stays behind: credentials, cookies,
//! hop-by-hop headers, and whatever is nobody's business on the other side.

use http::HeaderMap;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderName, RETRY_AFTER, USER_AGENT,
};

/// Headers of a request that providers need.
fn goes_out(name: &HeaderName) -> bool {
    // An organisation or project header would charge the call to another account of the administrator's. Callers who share
    // that account must not meet in each other's idempotency keys either: the gateway keeps those.
    let text = name.as_str();
    [ACCEPT, CONTENT_TYPE, USER_AGENT].contains(name)
        || matches!(text, "openai-beta" | "x-client-request-id" | "traceparent" | "tracestate")
        // What Anthropic's protocol is and which of its previews are wanted.
        || matches!(text, "anthropic-version" | "anthropic-beta")
        // Google's SDKs say what they are, and how long they wait for an answer.
        || matches!(text, "x-goog-api-client" | "x-server-timeout")
        // Whether Hugging Face may answer from its cache, and may wait for a model to load.
        || matches!(text, "x-use-cache" | "x-wait-for-model")
        || text.starts_with("x-stainless-")
}

/// Headers of an answer that callers need.
fn comes_in(name: &HeaderName) -> bool {
    let text = name.as_str();
    [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CACHE_CONTROL, RETRY_AFTER].contains(name)
        || matches!(
            text,
            "retry-after-ms"
                | "openai-processing-ms"
                | "openai-version"
                | "openai-model"
                | "x-should-retry"
                | "azureml-model-session"
                | "apim-request-id"
                // The name by which Anthropic's SDKs report a request to its support.
                | "request-id"
                // The same for Mistral's.
                | "mistral-correlation-id"
                | "server-timing"
                // Which of the providers behind Hugging Face's router answered, and how long it computed.
                | "x-inference-provider"
                | "x-compute-type"
                | "x-compute-time"
        )
}

/// The headers of the upstream call, but for the credential.
pub(super) fn outbound(headers: &HeaderMap) -> HeaderMap {
    select(headers, goes_out)
}

/// The headers of the answer to the caller.
pub(super) fn inbound(headers: &HeaderMap) -> HeaderMap {
    select(headers, comes_in)
}

/// Headers that are added to a selection, at the most: the request's id and six of limits.
const ADDED: usize = 7;

fn select(headers: &HeaderMap, passes: fn(&HeaderName) -> bool) -> HeaderMap {
    let mut selected = HeaderMap::with_capacity(headers.len() + ADDED);
    for (name, value) in headers {
        if passes(name) {
            selected.append(name, value.clone());
        }
    }
    selected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(names: &[&'static str]) -> HeaderMap {
        names.iter().map(|name| (HeaderName::from_static(name), "x".parse().unwrap())).collect()
    }

    #[test]
    fn secrets_and_hops_stay_behind() {
        let sent = outbound(&map(&[
            "authorization",
            "x-api-key",
            "x-goog-api-key",
            "api-key",
            "cookie",
            "host",
            "connection",
            "transfer-encoding",
            "x-forwarded-for",
            "openai-organization",
            "openai-project",
            "accept-encoding",
            "proxy-authorization",
            "x-internal",
            "x-goog-user-project",
            "x-hf-bill-to",
            "anthropic-organization-id",
            "idempotency-key",
        ]));
        assert!(sent.is_empty(), "{sent:?}");
        let received = inbound(&map(&[
            "set-cookie",
            "server",
            "x-request-id",
            "x-ratelimit-limit-requests",
            "openai-organization",
            "anthropic-organization-id",
            "anthropic-ratelimit-requests-limit",
            "connection",
        ]));
        assert!(received.is_empty(), "{received:?}");
    }

    #[test]
    fn what_both_sides_need_passes() {
        assert_eq!(outbound(&map(&["content-type", "openai-beta", "x-stainless-lang", "traceparent"])).len(), 4);
        assert_eq!(inbound(&map(&["content-type", "retry-after", "openai-processing-ms"])).len(), 3);
    }
}
