//! `[upstream]`: limits on every call to a provider.

use std::time::Duration;

use super::check::Check;
use super::http::size;

/// Limits on every call to a provider, where its row does not say otherwise.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the first byte of an answer may take.
    pub first_byte_timeout: Duration,
    /// How long a unary call may take in all.
    pub total_timeout: Duration,
    /// How long a stream may stay silent between two chunks.
    pub stream_idle_timeout: Duration,
    /// The largest unary answer taken.
    pub max_response_bytes: usize,
    /// Whether link-local addresses may be called.
    pub allow_link_local: bool,
}

impl Upstream {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        let range = || Duration::from_millis(10)..=Duration::from_secs(24 * 3_600);
        Self {
            connect_timeout: check.duration("upstream.connect_timeout", range()),
            first_byte_timeout: check.duration("upstream.first_byte_timeout", range()),
            total_timeout: check.duration("upstream.total_timeout", range()),
            stream_idle_timeout: check.duration("upstream.stream_idle_timeout", range()),
            max_response_bytes: size(check.bytes("upstream.max_response_bytes", 1_024..=4 << 30)),
            allow_link_local: check.flag("upstream.allow_link_local"),
        }
    }
}
