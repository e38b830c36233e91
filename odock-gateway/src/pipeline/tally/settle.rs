//! Settles a request that was sent to an upstream: once, with what the meter saw.

use std::borrow::Cow;
use std::sync::Arc;

use entity::vocab::Outcome;
use http::StatusCode;

use super::record;
use crate::error::{CLIENT_CLOSED_REQUEST, ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::pipeline::case::Case;
use crate::providers::openai::usage::Reported;

/// How a request ended.
#[derive(Debug)]
pub struct Ending {
    pub(super) outcome: Outcome,
    pub(super) status: u16,
    pub(super) error: Option<(&'static str, Cow<'static, str>)>,
    pub(super) reported: Option<Reported>,
    pub(super) content_bytes: usize,
    /// Whether the caller may have got a part of an answer.
    pub(super) delivered: bool,
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
            delivered: ok,
        }
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
            delivered: true,
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
            delivered: false,
        }
    }

    /// The caller went away.
    pub fn cancelled() -> Self {
        Self {
            outcome: Outcome::Cancelled,
            status: CLIENT_CLOSED_REQUEST,
            error: None,
            reported: None,
            content_bytes: 0,
            delivered: false,
        }
    }

    /// Adds what the meter saw.
    #[must_use]
    pub fn metered(mut self, reported: Option<Reported>, content_bytes: usize) -> Self {
        self.delivered |= content_bytes > 0;
        self.reported = reported;
        self.content_bytes = content_bytes;
        self
    }
}

/// A request at an upstream, until it is settled.
pub struct Settlement {
    gw: Gateway,
    case: Option<Arc<Case>>,
    begun: Option<entity::UsageRecordId>,
}

impl Settlement {
    /// Opens the settlement of a request.
    pub fn new(gw: &Gateway, case: Arc<Case>) -> Self {
        Self { gw: gw.clone(), case: Some(case), begun: None }
    }

    /// Notes that the caller is about to get the first part of the answer.
    pub fn begin(&mut self) {
        if let Some(case) = &self.case {
            self.begun = record::begin(&self.gw, case);
        }
    }

    /// Settles; whatever comes later is ignored.
    pub fn settle(&mut self, ending: Ending, cause: Option<&GatewayError>) {
        if let Some(case) = self.case.take() {
            record::leave_as(&self.gw, &case, ending, cause, self.begun.take());
        }
    }
}
