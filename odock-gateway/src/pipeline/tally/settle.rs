//! Settles a request that was sent to an upstream: once, with what the meter saw.

use std::borrow::Cow;
use std::sync::Arc;

use entity::usage::TokenUsage;
use entity::vocab::Outcome;
use http::StatusCode;

use super::record;
use crate::error::{CLIENT_CLOSED_REQUEST, ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::models::Target;
use crate::pipeline::case::Case;
use crate::providers::usage::Reported;
use crate::routing::Verdict;

/// How a request ended.
#[derive(Debug)]
pub struct Ending {
    pub(super) outcome: Outcome,
    pub(super) status: u16,
    pub(super) error: Option<(&'static str, Cow<'static, str>)>,
    pub(super) reported: Option<Reported>,
    pub(super) content_bytes: usize,
    /// What is known of the prompt where the answer has to be estimated.
    pub(super) prompt: Option<TokenUsage>,
    /// Whether the caller may have got a part of an answer.
    pub(super) delivered: bool,
    /// Whether nobody knows what the upstream did for the request, so that what it may have done counts.
    pub(super) unconfirmed: bool,
}

impl Ending {
    /// The upstream answered, with success or with an error of its own.
    pub fn answered(status: StatusCode) -> Self {
        let ok = status.is_success();
        let error = (!ok).then(|| {
            (ErrorCode::UpstreamError.wire().1, format!("the provider answered with status {}", status.as_u16()).into())
        });
        Self {
            outcome: if ok { Outcome::Ok } else { Outcome::Failed },
            status: status.as_u16(),
            error,
            reported: None,
            content_bytes: 0,
            prompt: None,
            delivered: ok,
            unconfirmed: false,
        }
    }

    /// The caller got the answer to an earlier request, which paid for it.
    pub fn replayed(status: StatusCode) -> Self {
        Self { delivered: false, ..Self::answered(status) }
    }

    /// A stream that had begun with `status` broke off.
    pub fn failed(status: StatusCode, error: &GatewayError) -> Self {
        let error = Some((error.code.wire().1, error.message.clone()));
        Self {
            outcome: Outcome::Failed,
            status: status.as_u16(),
            error,
            reported: None,
            content_bytes: 0,
            prompt: None,
            delivered: true,
            unconfirmed: false,
        }
    }

    /// The gateway refused the request, or (`failed`) could not get an answer.
    pub fn refused(error: &GatewayError, failed: bool) -> Self {
        let (status, code) = error.code.wire();
        let outcome = if failed { Outcome::Failed } else { Outcome::Denied };
        Self {
            outcome,
            status: status.as_u16(),
            error: Some((code, error.message.clone())),
            reported: None,
            content_bytes: 0,
            prompt: None,
            delivered: false,
            unconfirmed: false,
        }
    }

    /// The gateway stopped before the answer was there, of which the upstream may have made any part.
    pub fn interrupted(error: &GatewayError) -> Self {
        Self { delivered: true, unconfirmed: true, ..Self::refused(error, true) }
    }

    /// The caller went away.
    pub fn cancelled() -> Self {
        Self {
            outcome: Outcome::Cancelled,
            status: CLIENT_CLOSED_REQUEST,
            error: None,
            reported: None,
            content_bytes: 0,
            prompt: None,
            delivered: false,
            unconfirmed: true,
        }
    }

    /// Adds what the provider had said of the prompt when its answer broke off.
    #[must_use]
    pub fn with_prompt(mut self, prompt: Option<TokenUsage>) -> Self {
        self.prompt = prompt;
        self
    }

    /// Adds what the meter saw.
    #[must_use]
    pub fn metered(mut self, reported: Option<Reported>, content_bytes: usize) -> Self {
        // Whoever leaves before the first content had the upstream read the prompt.
        self.delivered |= content_bytes > 0 || self.unconfirmed;
        // Of the answer, the meter saw what there was.
        self.unconfirmed = false;
        self.reported = reported;
        self.content_bytes = content_bytes;
        self
    }
}

/// A request at an upstream, until it is settled.
pub struct Settlement {
    gw: Gateway,
    case: Option<Arc<Case>>,
}

impl Settlement {
    /// Opens the settlement of a request.
    pub fn new(gw: &Gateway, case: Arc<Case>) -> Self {
        Self { gw: gw.clone(), case: Some(case) }
    }

    /// Takes note of what the request says of its upstream.
    pub fn hear(&self, target: &Target, verdict: Verdict) {
        self.gw.health.hear(target, verdict);
    }

    /// Notes that the caller is about to get the first part of the answer.
    pub fn begin(&self) {
        if let Some(case) = &self.case {
            record::begin(&self.gw, case);
        }
    }

    /// Settles; whatever comes later is ignored.
    pub fn settle(&mut self, ending: Ending, cause: Option<&GatewayError>) {
        if let Some(case) = self.case.take() {
            record::leave(&self.gw, &case, ending, cause);
        }
    }
}
