//! Rate limits.

use metrics::{Counter, Gauge, Recorder};

use super::family::Family;
use crate::limits::{Gate, LimitWord, Verdict};

/// What a gate decides without the meters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmetered {
    /// The request passes.
    Open = 3,
    /// The request is refused.
    Closed = 4,
}

const DECISIONS: [&str; 5] = ["pass", "deny", "shadow", "open", "closed"];

/// The handles of rate limits.
pub struct RateLimitMetrics {
    decisions: Vec<[Counter; DECISIONS.len()]>,
    rejections: Vec<Vec<[Counter; 2]>>,
    local: Gauge,
}

impl RateLimitMetrics {
    pub(super) fn new(recorder: &dyn Recorder) -> Self {
        let decision = |gate: Gate, decision| {
            Family::RateLimitDecisions.counter(recorder, &[("stage", gate.as_str()), ("decision", decision)])
        };
        let rejection = |gate: Gate, module: LimitWord, mode| {
            let tags = [("stage", gate.as_str()), ("module", module.as_str()), ("mode", mode)];
            Family::RateLimitRejections.counter(recorder, &tags)
        };
        let modules = |gate: &Gate| {
            LimitWord::ALL.iter().map(|word| ["enforced", "shadow"].map(|mode| rejection(*gate, *word, mode))).collect()
        };
        Self {
            decisions: Gate::ALL.iter().map(|gate| DECISIONS.map(|word| decision(*gate, word))).collect(),
            rejections: Gate::ALL.iter().map(modules).collect(),
            local: Family::RateLimitLocalFallback.gauge(recorder, &[]),
        }
    }

    /// Counts what a gate decided.
    pub fn decided(&self, gate: Gate, verdict: Verdict) {
        self.decisions[gate as usize][verdict as usize].increment(1);
    }

    /// Counts what a gate decided without the meters.
    pub fn unmetered(&self, gate: Gate, decision: Unmetered) {
        self.decisions[gate as usize][decision as usize].increment(1);
    }

    /// Counts a limit that had no room.
    pub fn rejected(&self, gate: Gate, module: LimitWord, shadow: bool) {
        self.rejections[gate as usize][module as usize][usize::from(shadow)].increment(1);
    }

    /// Says whether this node counts by itself.
    pub fn local(&self, local: bool) {
        self.local.set(if local { 1.0 } else { 0.0 });
    }
}
