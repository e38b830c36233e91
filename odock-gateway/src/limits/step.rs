//! One step on the meters of a gate, wherever they are counted.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::denial::Denial;
use super::notes::{Notes, Reserved};
use super::shared::SharedLease;
use super::words::{Gate, Verdict};
use super::{Lease, Limits, Refusal};
use crate::config::FailureMode;
use crate::hot::HotError;
use crate::hot::meters::{Correction, Counter, Meter, Module};
use crate::telemetry::metrics::Unmetered;

/// The gates of a step in their order, and how many meters each asks.
struct Gates([(Gate, usize); 2]);

impl Gates {
    /// Each gate that asks any, with its meters.
    fn of<'a>(&self, meters: &'a [Meter]) -> impl Iterator<Item = (Gate, &'a [Meter])> {
        let Self([first, second]) = *self;
        let (before, after) = meters.split_at(first.1.min(meters.len()));
        [(first.0, before), (second.0, after)].into_iter().filter(|(_, meters)| !meters.is_empty())
    }
}

impl Limits {
    /// One step on the meters of a gate, and on those of the gate before if that left its own to this one. Costs nothing
    /// where nothing is limited.
    pub(super) async fn pass(
        &self,
        gate: Gate,
        mut meters: Vec<Meter>,
        notes: &Notes,
    ) -> Result<Option<Lease>, Refusal> {
        let due = notes.take_due();
        let gates = match &due {
            Some((before, due)) => [(*before, due.len()), (gate, meters.len())],
            None => [(gate, meters.len()), (gate, 0)],
        };
        if let Some((_, due)) = due {
            meters.splice(..0, due);
        }
        if meters.is_empty() {
            return Ok(None);
        }
        let gates = Gates(gates);
        let taken = match &self.shared {
            None => Some((None, self.local.take(&mut meters), false)),
            // Boxed, so that the future of a request stays small where there is no Redis.
            Some(shared) => match Box::pin(shared.take(&mut meters)).await {
                Ok((lease, at_us)) => {
                    self.is_back();
                    Some((lease, at_us, true))
                }
                Err(error) => self.without_shared(&gates, error, &mut meters)?,
            },
        };
        let Some((shared_lease, at_us, shared)) = taken else { return Ok(None) };
        for (gate, meters) in gates.of(&meters) {
            if let Some(denial) = self.judge(gate, meters, notes) {
                return Err(denial.into());
            }
        }
        let took = |module| meters.iter().filter(move |meter| meter.module == module && meter.reading.taken);
        notes.reserve(took(Module::Tpm).map(|meter| Reserved {
            taken: Correction {
                counter: meter.counter,
                module: Module::Tpm,
                at_us,
                by: i64::try_from(meter.cost).unwrap_or(i64::MAX),
            },
            shared,
        }));
        let local: Vec<Counter> = took(Module::Concurrency).filter(|_| !shared).map(|meter| meter.counter).collect();
        let holds = shared_lease.is_some() || !local.is_empty();
        Ok(holds.then(|| Lease { local, meters: Arc::clone(&self.local), shared: shared_lease }))
    }

    /// Notes and counts what the meters of a gate said.
    fn judge(&self, gate: Gate, meters: &[Meter], notes: &Notes) -> Option<Denial> {
        let refusal = notes.judge(gate, meters);
        let shadowed = meters.iter().any(|meter| meter.shadow && !meter.has_room());
        for meter in meters.iter().filter(|meter| !meter.has_room()) {
            self.metrics.rejected(gate, meter.module.into(), meter.shadow);
        }
        let verdict = match (&refusal, shadowed) {
            (Some(_), _) => Verdict::Deny,
            (None, true) => Verdict::Shadow,
            (None, false) => Verdict::Pass,
        };
        self.metrics.decided(gate, verdict);
        refusal
    }

    /// What is done when the shared meters cannot be asked.
    fn without_shared(
        &self,
        gates: &Gates,
        error: HotError,
        meters: &mut [Meter],
    ) -> Result<Option<(Option<SharedLease>, i64, bool)>, Refusal> {
        let on_failure = self.rules.load().on_failure;
        // Once an outage, not once a request.
        if !self.away.swap(true, Ordering::AcqRel) {
            let then = match on_failure {
                FailureMode::Local => "each node counts by itself, at the same numbers",
                FailureMode::Open => "requests pass unlimited",
                FailureMode::Closed => "limited requests are refused with 503",
            };
            tracing::error!(%error, "rate limits cannot be counted in the hot store: {then} until it is back");
        }
        match on_failure {
            FailureMode::Local => {
                self.metrics.local(true);
                Ok(Some((None, self.local.take(meters), false)))
            }
            FailureMode::Open => {
                gates.of(meters).for_each(|(gate, _)| self.metrics.unmetered(gate, Unmetered::Open));
                Ok(None)
            }
            FailureMode::Closed => {
                gates.of(meters).for_each(|(gate, _)| self.metrics.unmetered(gate, Unmetered::Closed));
                Err(Refusal::Unavailable(error))
            }
        }
    }

    fn is_back(&self) {
        if self.away.load(Ordering::Acquire) && self.away.swap(false, Ordering::AcqRel) {
            self.metrics.local(false);
            tracing::info!("rate limits are counted in the hot store again");
        }
    }

    /// Turns the refusal of a check that needs no meter into a result, and counts it.
    pub(super) fn plain(&self, refusal: Option<Denial>) -> Result<(), Refusal> {
        let Some(denial) = refusal else { return Ok(()) };
        self.metrics.rejected(denial.gate, denial.limit, false);
        self.metrics.decided(denial.gate, Verdict::Deny);
        Err(denial.into())
    }
}
