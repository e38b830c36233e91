//! Meters of one process: all of them behind one lock, which is held for well under a microsecond a step.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bucket::Bucket;
use super::window::Window;
use super::{Correction, Counter, Meter, Module, Reading, Wait, scope};
use crate::clock::Clock;

/// How often scopes are looked through for those that nobody uses any more.
const SWEEP_US: i64 = 60_000_000;
/// When a place will be free nobody can know; this is when to ask again.
pub(in crate::hot) const PLACE_WAIT_US: u64 = 1_000_000;

/// Meters of one process.
pub struct LocalMeters {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

type Scopes = HashMap<Counter, Box<Counts>, foldhash::fast::RandomState>;

#[derive(Default)]
struct State {
    scopes: Scopes,
    /// The latest moment seen, and what is added to the clock so that it never goes back.
    latest_us: i64,
    ahead_us: i64,
    swept_us: i64,
}

/// The meters of one scope, as far as they are in use.
#[derive(Default)]
struct Counts {
    places: u64,
    bucket: Bucket,
    windows: [Option<Window>; 3],
    used_us: i64,
}

impl LocalMeters {
    /// Meters on which nothing was taken.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Checks all meters and takes from all or from none. Gives the moment, in microseconds.
    pub fn take(&self, meters: &mut [Meter]) -> i64 {
        let mut state = self.state();
        let now = state.now(&*self.clock);
        let state = &mut *state;
        for meter in &mut *meters {
            let counts = state.scopes.entry(meter.counter).or_default();
            counts.used_us = now;
            meter.reading = counts.read(meter, now);
        }
        if !meters.iter().any(Meter::refuses) {
            take(&mut state.scopes, meters, now);
        }
        if now - state.swept_us > SWEEP_US {
            state.sweep(now);
        }
        now
    }

    /// Reads the meters as they are, and takes nothing.
    pub fn look(&self, meters: &mut [Meter]) {
        let mut state = self.state();
        let now = state.now(&*self.clock);
        for meter in meters {
            meter.reading = match state.scopes.get_mut(&meter.counter) {
                Some(counts) => counts.read(meter, now),
                None => Counts::default().read(meter, now),
            };
        }
    }

    /// Gives back a place.
    pub fn give_back(&self, counter: Counter) {
        if let Some(counts) = self.state().scopes.get_mut(&counter) {
            counts.places = counts.places.saturating_sub(1);
        }
    }

    /// Corrects what a step took.
    pub fn correct(&self, correction: &Correction) {
        let mut state = self.state();
        let now = state.now(&*self.clock);
        let Some(counts) = state.scopes.get_mut(&correction.counter) else { return };
        match correction.module {
            Module::Concurrency => {}
            Module::Burst => counts.bucket.correct(correction.by),
            module => counts.window(module).correct(now, correction.at_us, correction.by),
        }
    }

    /// How many scopes have state.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().scopes.len()
    }

    /// Whether no scope has state.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes from every scope that has room: all of them, but for those that are only watched.
fn take(counts: &mut Scopes, meters: &mut [Meter], now: i64) {
    let mut from = 0;
    while let Some((end, has_room)) = scope(meters, from) {
        let of_scope = &mut meters[std::mem::replace(&mut from, end)..end];
        let (true, Some(counts)) = (has_room, counts.get_mut(&of_scope[0].counter)) else { continue };
        for meter in of_scope {
            counts.take(meter, now);
        }
    }
}

impl State {
    /// The moment: the clock's, but never before a moment that was seen. A clock that is set back would otherwise stop all
    /// windows until it has caught up.
    fn now(&mut self, clock: &dyn Clock) -> i64 {
        let told = clock.now().0;
        self.ahead_us = self.ahead_us.max(self.latest_us.saturating_sub(told));
        self.latest_us = told + self.ahead_us;
        self.latest_us
    }

    /// Forgets scopes of which nothing is left to remember.
    fn sweep(&mut self, now: i64) {
        self.swept_us = now;
        self.scopes.retain(|_, counts| {
            now - counts.used_us < 2 * SWEEP_US || counts.places > 0 || !counts.bucket.is_full(now)
        });
    }
}

impl Counts {
    fn window(&mut self, module: Module) -> &mut Window {
        let index = match module {
            Module::Rps => 0,
            Module::Rpm => 1,
            _ => 2,
        };
        self.windows[index].get_or_insert_with(|| Window::new(module.slots()))
    }

    fn read(&mut self, meter: &Meter, now: i64) -> Reading {
        let Meter { of, cost, rate, .. } = *meter;
        let unless_never = |wait| if cost > of { Wait::Never } else { wait };
        match meter.module {
            Module::Concurrency => {
                let left = of.saturating_sub(self.places);
                let wait = if cost <= left { Wait::None } else { unless_never(Wait::Us(PLACE_WAIT_US)) };
                Reading { left, wait, reset_us: 0, taken: false }
            }
            Module::Burst => {
                self.bucket.fill(now, rate);
                let left = self.bucket.left(of);
                let wait = || self.bucket.wait(of, rate).map_or(Wait::Never, Wait::Us);
                let wait = if cost <= left { Wait::None } else { unless_never(wait()) };
                Reading { left, wait, reset_us: self.bucket.reset(rate), taken: false }
            }
            module => {
                let window = self.window(module);
                let left = of.saturating_sub(window.sum(now));
                let wait = if cost <= left { Wait::None } else { unless_never(Wait::Us(window.wait(now, of, cost))) };
                Reading { left, wait, reset_us: window.reset(now), taken: false }
            }
        }
    }

    fn take(&mut self, meter: &mut Meter, now: i64) {
        meter.reading.left -= meter.cost;
        meter.reading.taken = true;
        match meter.module {
            Module::Concurrency => self.places += meter.cost,
            Module::Burst => {
                self.bucket.correct(i64::try_from(meter.cost).unwrap_or(i64::MAX));
                meter.reading.reset_us = self.bucket.reset(meter.rate);
            }
            module => {
                let window = self.window(module);
                window.take(now, meter.cost);
                meter.reading.reset_us = window.reset(now);
            }
        }
    }
}
