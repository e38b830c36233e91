//! Calls the upstream.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;

use super::attempt::attempt;
use super::attempting::Company;
use super::failover;
use super::stream::MeteredStream;
use super::unary::Unary;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::models::Target;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::screen::Prepared;
use crate::telemetry::metrics::Failure;

/// What the upstream said.
pub enum Answered {
    /// A whole answer.
    Unary(Unary),
    /// A stream that has begun.
    Stream(Box<MeteredStream>),
    /// An error of its own.
    Refused(Refused),
}

/// An upstream's own error answer.
pub struct Refused {
    /// What rode along.
    pub exchange: Exchange,
    /// Its status.
    pub status: StatusCode,
    /// Those of its headers that pass.
    pub headers: HeaderMap,
    /// Its body, the credential cut out.
    pub body: Bytes,
}

/// Why an upstream gave no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// No connection came about.
    Connect,
    /// It took too long.
    Timeout,
    /// The connection broke.
    Reset,
    /// What came cannot be understood.
    Malformed,
}

impl UpstreamFailure {
    /// The word for it in routing traces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "refused",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Malformed => "malformed",
        }
    }

    pub(super) const fn metric(self) -> Failure {
        match self {
            Self::Connect => Failure::Connect,
            Self::Timeout => Failure::Timeout,
            Self::Reset => Failure::Reset,
            Self::Malformed => Failure::Malformed,
        }
    }

    /// The error that the caller gets.
    pub(super) fn error(
        self,
        target: &Target,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> GatewayError {
        let provider = &target.provider;
        let (code, message) = match self {
            Self::Connect => (ErrorCode::UpstreamError, format!("the provider {provider} could not be reached")),
            Self::Timeout => (ErrorCode::UpstreamTimeout, format!("the provider {provider} did not answer in time")),
            Self::Reset => {
                (ErrorCode::UpstreamError, format!("the provider {provider} broke off before its answer was complete"))
            }
            Self::Malformed => {
                (ErrorCode::UpstreamError, format!("the provider {provider} sent an answer that cannot be understood"))
            }
        };
        GatewayError::new(code, message).caused_by(cause)
    }
}

/// Sends the call and waits for the answer, or for a stream's head; if its key's policy says so, more than once.
///
/// # Errors
/// `upstream_error` or `upstream_timeout`. An error answer of the upstream is no error here: it is [`Answered::Refused`].
pub async fn upstream(gw: &Gateway, from: Prepared) -> Result<Answered, GatewayError> {
    let Prepared { exchange, call, plan, .. } = from;
    if plan.detour.is_some() {
        // Boxed: a call that is not routed does not carry the future of those that are.
        return Box::pin(failover::upstream(gw, exchange, call, plan)).await;
    }
    match attempt(gw, (&exchange).into(), &call, &plan, None, Company::Alone).await {
        Ok(begun) => Ok(begun.answered(gw, exchange, plan)),
        Err(setback) => setback.answered(exchange),
    }
}

pub(super) fn classify(error: &hyper_util::client::legacy::Error) -> UpstreamFailure {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut malformed = false;
    while let Some(inner) = source {
        if inner.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut) {
            return UpstreamFailure::Timeout;
        }
        malformed |= inner.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
        source = inner.source();
    }
    if error.is_connect() {
        UpstreamFailure::Connect
    } else if malformed {
        UpstreamFailure::Malformed
    } else {
        UpstreamFailure::Reset
    }
}

/// The body of an upstream's answer.
pub(super) type UpstreamBody = Incoming;
