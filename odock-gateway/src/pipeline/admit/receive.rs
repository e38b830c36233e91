//! The first look at a request: its id, its trace, its caller's address.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use http::Request;

use crate::gateway::Gateway;
use crate::http::address;
use crate::http::dialect::Dialect;
use crate::pipeline::case::Case;
use crate::pipeline::exchange::{Exchange, Guards};

/// The header that carries a request's id.
pub const REQUEST_ID: &str = "x-request-id";

/// A request that has arrived.
pub struct Received {
    pub(in crate::pipeline) exchange: Exchange,
}

impl Received {
    /// Opens the case of a request on the given route.
    pub fn new(gw: &Gateway, endpoint: &'static str, dialect: Dialect, request: Request<Body>) -> Self {
        let (head, body) = request.into_parts();
        let client: IpAddr = address::of_client(&head, &gw.config.http.trusted_proxies);
        let proposed =
            head.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| is_sane(id)).map(Into::into);
        let trace = head.headers.get("traceparent").and_then(|trace| trace.to_str().ok()).and_then(trace_id);
        let case = Arc::new(Case::new(endpoint, dialect, gw.clock.now(), client, proposed, trace));
        let max_body = gw.config.http.max_body_bytes;
        Self { exchange: Exchange { case, head, body, max_body, model_in_path: None, guards: Guards::default() } }
    }

    /// Notes that the body may be an upload, which is not held in memory.
    #[must_use]
    pub fn with_upload(mut self, gw: &Gateway) -> Self {
        self.exchange.max_body = gw.config.http.max_upload_bytes;
        self
    }

    /// Notes the model that the path names.
    #[must_use]
    pub fn for_model(mut self, model: String) -> Self {
        self.exchange.model_in_path = Some(model);
        self
    }

    /// The case file.
    pub fn case(&self) -> Arc<Case> {
        Arc::clone(&self.exchange.case)
    }
}

/// Whether a caller's id is short and plain enough to stand in headers, logs and a database.
fn is_sane(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
}

/// The trace id of a `traceparent` header (W3C Trace Context, section 3.2).
fn trace_id(header: &str) -> Option<String> {
    let mut parts = header.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let valid = version.len() == 2
        && hex(version)
        && version != "ff"
        && trace.len() == 32
        && hex(trace)
        && trace.bytes().any(|byte| byte != b'0');
    valid.then(|| trace.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_short_ids_are_taken() {
        assert!(is_sane("req_1-2.3:4"));
        for id in ["", "a b", "é", "a\"b", &"x".repeat(129)] {
            assert!(!is_sane(id), "{id}");
        }
    }

    #[test]
    fn trace_ids_follow_the_standard() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id(&format!("00-{id}-00f067aa0ba902b7-01")).as_deref(), Some(id));
        for header in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-0000-1-1",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-1-1",
        ] {
            assert_eq!(trace_id(header), None, "{header}");
        }
    }
}
