//! `[idempotency]`: how long repeated requests get the first one's answer.

use std::time::Duration;

use super::check::Check;

/// How long repeated requests get the first one's answer.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// How long a key and what came of its request are remembered.
    pub ttl: Duration,
    /// The largest answer that is kept, in bytes.
    pub max_bytes: usize,
}

impl Idempotency {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        let max_bytes = check.bytes("idempotency.max_bytes", 0..=64 << 20);
        Self {
            ttl: check.duration("idempotency.ttl", Duration::from_secs(1)..=Duration::from_secs(7 * 86_400)),
            max_bytes: usize::try_from(max_bytes).unwrap_or(usize::MAX),
        }
    }
}
