//! Failed attempts that one node has seen.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entity::Timestamp;
use moka::sync::Cache;

use super::slot::Slot;
use super::{MEMORY, TooSoon};

/// Slots that are remembered at once.
const REMEMBERED: u64 = 100_000;

#[derive(Debug, Default)]
struct State {
    failures: u32,
    last: Timestamp0,
    not_before: Timestamp0,
}

/// An instant that begins as never.
type Timestamp0 = Option<Timestamp>;

/// Failed attempts.
#[derive(Clone, Debug)]
pub(super) struct Local(Cache<Slot, Arc<Mutex<State>>>);

impl Default for Local {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(REMEMBERED).time_to_idle(MEMORY).build())
    }
}

/// Where an attempt was counted, and how long there was to wait before.
#[derive(Debug)]
pub(super) struct Begun(Vec<(Slot, Timestamp0)>);

impl Local {
    /// Counts an attempt on all slots, unless one of them or the address says to wait.
    pub(super) fn begin(&self, now: Timestamp, address: &Slot, slots: &[Slot]) -> Result<Begun, TooSoon> {
        self.with(address, now, |state| state.check(now))?;
        let mut begun = Begun(Vec::with_capacity(slots.len()));
        for slot in slots {
            let taken = self.with(slot, now, |state| {
                state.check(now)?;
                Ok(state.count(slot, now))
            });
            match taken {
                Ok(before) => begun.0.push((slot.clone(), before)),
                Err(too_soon) => {
                    self.take_back(begun);
                    return Err(too_soon);
                }
            }
        }
        Ok(begun)
    }

    /// Counts a failure unless it is too soon for another.
    pub(super) fn check_and_count(&self, now: Timestamp, slot: &Slot) -> Result<(), TooSoon> {
        self.with(slot, now, |state| {
            state.check(now)?;
            state.count(slot, now);
            Ok(())
        })
    }

    /// Counts a failure.
    pub(super) fn count(&self, now: Timestamp, slot: &Slot) {
        self.with(slot, now, |state| state.count(slot, now));
    }

    /// Takes back an attempt that was none.
    pub(super) fn take_back(&self, begun: Begun) {
        for (slot, before) in &begun.0 {
            let Some(state) = self.0.get(slot) else { continue };
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.failures = state.failures.saturating_sub(1);
            state.not_before = *before;
        }
    }

    /// Forgets what failed.
    pub(super) fn forget(&self, slot: &Slot) {
        self.0.invalidate(slot);
    }

    fn with<T>(&self, slot: &Slot, now: Timestamp, act: impl FnOnce(&mut State) -> T) -> T {
        let state = self.0.get_with_by_ref(slot, Arc::default);
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.since(last) > MEMORY) {
            *state = State::default();
        }
        if let Some(last) = state.last.filter(|_| slot.is_shared()) {
            let forgiven = now.since(last).as_secs() / 60;
            state.failures = state.failures.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
            state.last = Some(last.plus(Duration::from_secs(forgiven * 60)));
        }
        act(&mut state)
    }
}

impl State {
    fn check(&self, now: Timestamp) -> Result<(), TooSoon> {
        match self.not_before.filter(|until| *until > now) {
            Some(until) => Err(TooSoon { wait: until.since(now) }),
            None => Ok(()),
        }
    }

    /// Counts a failure, and returns how long there was to wait before.
    fn count(&mut self, slot: &Slot, now: Timestamp) -> Timestamp0 {
        let before = self.not_before;
        self.failures = self.failures.saturating_add(1);
        self.last = Some(now);
        let wait = slot.wait(self.failures);
        self.not_before = (!wait.is_zero()).then(|| now.plus(wait));
        before
    }
}
