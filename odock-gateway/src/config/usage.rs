//! `[usage]`: the journal in which usage records wait for the database.

use std::time::Duration;

use super::check::Check;

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
