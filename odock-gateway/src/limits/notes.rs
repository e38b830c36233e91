//! What a request's gates found, for its record and for the headers of its answer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use entity::usage::LimitMark;
use entity::vocab::ScopeType;
use uuid::Uuid;

use super::words::{Gate, LimitWord, Verdict};
use super::{Denial, scope_word};
use crate::hot::meters::{Correction, Meter, Module};

/// What one limit of one scope said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) gate: Gate,
    pub(super) scope: ScopeType,
    pub(super) limit: LimitWord,
    pub(super) verdict: Verdict,
    pub(super) of: u64,
    pub(super) left: u64,
}

impl Mark {
    pub(super) fn of_meter(gate: Gate, meter: &Meter) -> Self {
        let verdict = match (meter.has_room(), meter.shadow) {
            (true, _) => Verdict::Pass,
            (false, true) => Verdict::Shadow,
            (false, false) => Verdict::Deny,
        };
        let (scope, limit) = (meter.counter.kind, meter.module.into());
        Self { gate, scope, limit, verdict, of: meter.of, left: meter.reading.left }
    }
}

impl From<Mark> for LimitMark {
    fn from(mark: Mark) -> Self {
        Self {
            gate: mark.gate.as_str().into(),
            scope: scope_word(mark.scope).into(),
            limit: mark.limit.as_str().into(),
            of: mark.of,
            remaining: mark.left,
            verdict: mark.verdict.as_str().into(),
        }
    }
}

/// What is left under the tightest limit of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// The limit.
    pub of: u64,
    /// What is left of it.
    pub left: u64,
    /// Microseconds until all of it is there again.
    pub reset_us: u64,
}

/// Tokens that a request has set aside, until they are settled with what it used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reserved {
    /// What was taken; `by` is its amount.
    pub(super) taken: Correction,
    /// Whether the shared meters took it, and not this process's own.
    pub(super) shared: bool,
}

/// What a request's gates found. Part of its case file.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    marks: Vec<Mark>,
    requests: Option<Headroom>,
    tokens: Option<Headroom>,
    reserved: Vec<Reserved>,
    /// The meters that a gate left to the next one.
    due: Option<(Gate, Vec<Meter>)>,
}

impl Notes {
    /// What every limit said, for the record.
    pub fn marks(&self) -> Vec<LimitMark> {
        self.found().marks.iter().copied().map(Into::into).collect()
    }

    /// What is left under the tightest limits of requests and of tokens.
    pub fn headroom(&self) -> (Option<Headroom>, Option<Headroom>) {
        let found = self.found();
        (found.requests, found.tokens)
    }

    pub(super) fn mark(&self, mark: Mark) {
        self.found().marks.push(mark);
    }

    /// Writes down what a step's meters said, and gives the refusal among them that lasts longest.
    pub(super) fn judge(&self, gate: Gate, meters: &[Meter]) -> Option<Denial> {
        let mut found = self.found();
        found.marks.reserve(meters.len());
        let mut refusal: Option<&Meter> = None;
        for meter in meters {
            found.marks.push(Mark::of_meter(gate, meter));
            if meter.shadow {
                continue;
            }
            if !meter.has_room() && refusal.is_none_or(|other| meter.reading.wait > other.reading.wait) {
                refusal = Some(meter);
            }
            let tightest = match meter.module {
                Module::Concurrency => continue,
                Module::Tpm => &mut found.tokens,
                Module::Burst | Module::Rps | Module::Rpm => &mut found.requests,
            };
            let left = meter.reading.left;
            if tightest.is_none_or(|tightest| left < tightest.left) {
                *tightest = Some(Headroom { of: meter.of, left, reset_us: meter.reading.reset_us });
            }
        }
        refusal.map(|meter| Denial {
            gate,
            scope: meter.counter.kind,
            limit: meter.module.into(),
            of: meter.of,
            left: meter.reading.left,
            cost: meter.cost,
            wait: meter.reading.wait,
        })
    }

    pub(super) fn reserve(&self, reserved: impl Iterator<Item = Reserved>) {
        self.found().reserved.extend(reserved);
    }

    /// What is to be settled: once.
    pub(super) fn take_reserved(&self) -> Vec<Reserved> {
        std::mem::take(&mut self.found().reserved)
    }

    /// What is to be settled of one scope: once.
    pub(super) fn take_reserved_of(&self, kind: ScopeType, id: Uuid) -> Vec<Reserved> {
        let is_its = |reserved: &mut Reserved| reserved.taken.counter.kind == kind && reserved.taken.counter.id == id;
        self.found().reserved.extract_if(.., is_its).collect()
    }

    /// Leaves the meters of a gate to the next one.
    pub(super) fn leave(&self, gate: Gate, meters: Vec<Meter>) {
        self.found().due = Some((gate, meters));
    }

    /// The meters that a gate left: once.
    pub(super) fn take_due(&self) -> Option<(Gate, Vec<Meter>)> {
        self.found().due.take()
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
