//! What the data plane answers when it does not serve a request.

mod code;

use std::borrow::Cow;

pub use self::code::{CLIENT_CLOSED_REQUEST, ErrorCode};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A refusal or failure of the gateway itself. `source` is logged once and never sent.
#[derive(Debug)]
pub struct GatewayError {
    /// The published code.
    pub code: ErrorCode,
    /// What is wrong, for the caller.
    pub message: Cow<'static, str>,
    /// Seconds after which another try makes sense.
    pub retry_after: Option<u32>,
    /// Whose limit refuses the request.
    pub scope: Option<&'static str>,
    /// That limit's number.
    pub limit: Option<u64>,
    source: Option<BoxError>,
}

impl GatewayError {
    /// An error with a message for the caller.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), retry_after: None, scope: None, limit: None, source: None }
    }

    /// Adds what caused it, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds when to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds whose limit refuses the request, and its number if it has one.
    #[must_use]
    pub fn limited(mut self, scope: &'static str, limit: Option<u64>) -> Self {
        (self.scope, self.limit) = (Some(scope), limit);
        self
    }

    /// What caused it, with its own causes, for the log.
    pub fn cause(&self) -> Option<String> {
        let mut error: &dyn std::error::Error = self.source.as_deref()?;
        let mut text = error.to_string();
        while let Some(source) = error.source() {
            let inner = source.to_string();
            // Many errors repeat their source in their own words.
            if !text.contains(&inner) {
                text.push_str(": ");
                text.push_str(&inner);
            }
            error = source;
        }
        Some(text)
    }
}

impl std::fmt::Display for GatewayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.wire().1, self.message)
    }
}

impl std::error::Error for GatewayError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
