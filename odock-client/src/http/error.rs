//! What can go wrong between a terminal and a gateway.

use std::time::Duration;

use entity::problem::Problem;

/// Why a call of the management API failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The gateway refused, and said why.
    #[error("{}", problem.title)]
    Problem {
        /// What the gateway said.
        problem: Box<Problem>,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// Something answered, but not like a gateway.
    #[error("{url} answered {status} without saying why: {excerpt}")]
    Foreign {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The handle of the request, if the answer had one.
        request_id: Option<String>,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// No connection could be made, or it broke.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why, in the words of the operating system.
        reason: String,
        /// Whether anything can have reached the gateway.
        sent: bool,
    },
    /// The answer took too long.
    #[error("{url} did not answer within {} s", after.as_secs_f64())]
    Timeout {
        /// What was asked.
        url: String,
        /// How long was waited.
        after: Duration,
    },
    /// The gateway could not prove who it is, or trust could not be set up.
    #[error("no trusted connection to {url}: {reason}")]
    Tls {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// The answer is not what this version of the client understands.
    #[error("the answer of {url} is not understood: {reason}")]
    Decode {
        /// What was asked.
        url: String,
        /// What is wrong with the answer; never its values.
        reason: String,
        /// The handle of the request.
        request_id: Option<String>,
    },
    /// The credential cannot be renewed.
    #[error("{0}")]
    SignedOut(String),
    /// The client was told to change nothing.
    #[error("read-only: {method} {path} was not sent")]
    ReadOnly {
        /// The HTTP method.
        method: String,
        /// The path.
        path: String,
    },
    /// The request could not even be made.
    #[error("{0}")]
    Invalid(String),
}

impl ClientError {
    /// The HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem { problem, .. } => Some(problem.status),
            Self::Foreign { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// A stable code: the gateway's, or one of `unreachable timeout tls bad_answer read_only invalid_request`.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Problem { problem, .. } => &problem.code,
            Self::Foreign { .. } | Self::Decode { .. } => "bad_answer",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Tls { .. } => "tls",
            Self::SignedOut(_) => "signed_out",
            Self::ReadOnly { .. } => "read_only",
            Self::Invalid(_) => "invalid_request",
        }
    }

    /// The handle of the request in the gateway's logs.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Problem { problem, .. } => Some(problem.request_id.as_str()).filter(|id| !id.is_empty()),
            Self::Foreign { request_id, .. } | Self::Decode { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// What the gateway advises.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Problem { problem, .. } => problem.hint.as_deref(),
            _ => None,
        }
    }

    /// When the gateway wants to be asked again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Problem { retry_after, .. } | Self::Foreign { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Problem { .. } | Self::Foreign { .. } => self.status().is_some_and(super::retry::passing),
            Self::Unreachable { .. } | Self::Timeout { .. } => true,
            _ => false,
        }
    }
}
