//! `[jobs]`: tasks that are done while their caller does something else.

use std::time::Duration;

use super::check::Check;

/// How many jobs there may be, how long they take, and how long they are kept.
#[derive(Clone, Debug)]
pub struct Jobs {
    /// Jobs of one key that may run at once.
    pub max_running: u64,
    /// Jobs of one key that there may be, those that have ended included.
    pub max_kept: u64,
    /// How long a job may take.
    pub timeout: Duration,
    /// How long a job is kept after it was asked for.
    pub retention: Duration,
    /// The largest result that is kept, in bytes.
    pub max_result_bytes: usize,
    /// After this long without a word from its node, a job is lost.
    pub lease: Duration,
}

impl Jobs {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        let day = Duration::from_secs(86_400);
        let max_result_bytes = check.bytes("jobs.max_result_bytes", 1..=256 << 20);
        let jobs = Self {
            max_running: check.number("jobs.max_running_per_key", 0..=10_000),
            max_kept: check.number("jobs.max_kept_per_key", 1..=100_000),
            timeout: check.duration("jobs.timeout", Duration::from_secs(1)..=day),
            retention: check.duration("jobs.retention", Duration::from_secs(60)..=30 * day),
            max_result_bytes: usize::try_from(max_result_bytes).unwrap_or(usize::MAX),
            lease: check.duration("jobs.lease", Duration::from_secs(1)..=Duration::from_secs(3_600)),
        };
        if jobs.retention < jobs.timeout {
            check.refuse("jobs.retention", "is shorter than jobs.timeout: results would be gone before they are there");
        }
        jobs
    }
}
