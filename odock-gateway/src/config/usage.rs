//! `[usage]`: the journal in which usage records wait for the database.

use std::time::Duration;

use super::check::Check;

const DAY: Duration = Duration::from_secs(86_400);
/// The longest window of a budget, and the one before it: what is counted in a window must not be forgotten before it ends.
const QUARTER: Duration = Duration::from_secs(185 * 86_400);

/// The journal in which usage records wait for the database.
#[derive(Clone, Debug)]
pub struct Usage {
    /// How large the journal may grow.
    pub journal_max_bytes: u64,
    /// What happens to requests when it is full.
    pub journal_when_full: WhenFull,
    /// How often records go to the database.
    pub flush_interval: Duration,
    /// How many records go to the database at once, at most.
    pub batch: usize,
    /// How long records are kept; for ever when absent. Rollups by hour and day outlive them.
    pub retention: Option<Duration>,
    /// How long rollups by minute are kept; for ever when absent.
    pub minute_retention: Option<Duration>,
}

/// What happens to requests when the journal is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// They are answered with 503.
    Refuse,
    /// They are served without a record.
    Drop,
}

impl Usage {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        Self {
            journal_max_bytes: check.bytes("usage.journal_max_bytes", 1 << 20..=1 << 44),
            journal_when_full: check.parsed("usage.journal_when_full", when_full).unwrap_or(WhenFull::Refuse),
            flush_interval: check.duration("usage.flush_interval", Duration::from_millis(1)..=Duration::from_secs(60)),
            batch: check.number("usage.batch", 1..=5_000),
            retention: check.optional_duration("usage.retention", QUARTER..=DAY * 36_500),
            minute_retention: check.optional_duration("usage.minute_retention", DAY..=DAY * 36_500),
        }
    }
}

fn when_full(text: &str) -> Result<WhenFull, String> {
    match text {
        "refuse" => Ok(WhenFull::Refuse),
        "drop" => Ok(WhenFull::Drop),
        _ => Err(format!("\"{text}\" is neither \"refuse\" nor \"drop\"")),
    }
}
