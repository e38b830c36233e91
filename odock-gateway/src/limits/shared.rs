//! This node's side of the shared meters: the places that it holds, and what it still has to tell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::hot::meters::{Chores, Correction, Counter, LeaseId, Meter, Module, Release, SharedMeters};
use crate::hot::{HotError, HotStore};
use crate::telemetry::metrics::OperationMetrics;

/// How long a place that was given back may wait for a step that takes word of it along.
const FLUSH_DELAY: Duration = Duration::from_millis(2);
/// How long to wait after the shared meters could not be told.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// How often leases are looked through for those whose end must be put off.
const RENEW_BEAT: Duration = Duration::from_millis(500);
/// Chores that one step takes along, and leases that are renewed at once, at most.
const BATCH: usize = 1_000;
/// Places to give back that are remembered while the shared meters are away. The rest ends by itself.
const MOST_RELEASES: usize = 100_000;

/// This node's side of the shared meters.
pub(super) struct Shared {
    hot: Arc<dyn HotStore>,
    latency: Arc<OperationMetrics>,
    pending: Mutex<Pending>,
    told: Notify,
    held: Mutex<HashMap<LeaseId, Held>>,
}

/// The places of one step.
struct Held {
    places: Vec<(Counter, u64)>,
    renewed: Instant,
}

/// The background work; ends when dropped.
pub(super) struct Background(Vec<JoinHandle<()>>);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    pub(super) fn new(hot: Arc<dyn HotStore>, latency: Arc<OperationMetrics>) -> Arc<Self> {
        Arc::new(Self { hot, latency, pending: Mutex::default(), told: Notify::new(), held: Mutex::default() })
    }

    /// Starts telling and renewing.
    pub(super) fn start(self: &Arc<Self>) -> Background {
        let (telling, renewing) = (Arc::clone(self), Arc::clone(self));
        let tell = async move {
            loop {
                telling.told.notified().await;
                tokio::time::sleep(FLUSH_DELAY).await;
                while !telling.flush().await {
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        };
        let renew = async move {
            let mut beat = tokio::time::interval(RENEW_BEAT);
            beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                beat.tick().await;
                renewing.renew().await;
            }
        };
        Background(vec![tokio::spawn(tell), tokio::spawn(renew)])
    }

    /// One step, which takes along word of the places that were given back. The lease that comes out gives back what the
    /// step took, also if nobody waits for the step any more.
    pub(super) async fn take(self: &Arc<Self>, meters: &mut [Meter]) -> Result<(Option<SharedLease>, i64), HotError> {
        let (lease, id) = self.hold(meters);
        let places = meters.iter().filter(|meter| meter.module == Module::Concurrency);
        let releases = self.pending().of(places.map(|meter| meter.counter));
        let chores = Chores { releases, corrections: Vec::new() };
        let now = self.latency.measure(self.store()?.take(id, meters, &chores)).await?;
        self.pending().told(&chores.releases);
        if meters.iter().any(Meter::refuses) {
            // Nothing was taken, so there is nothing to give back.
            self.held().remove(&id);
            return Ok((None, now));
        }
        Ok((lease, now))
    }

    pub(super) async fn look(&self, meters: &mut [Meter]) -> Result<(), HotError> {
        self.latency.measure(self.store()?.look(meters)).await
    }

    /// Corrects what a step took, soon.
    pub(super) fn correct(&self, correction: Correction) {
        self.pending().corrections.push(correction);
        self.told.notify_one();
    }

    /// Tells everything there is to tell. False when the shared meters are away.
    pub(super) async fn flush(&self) -> bool {
        loop {
            let chores = self.pending().some();
            if chores.is_empty() {
                return true;
            }
            let Ok(store) = self.store() else { return true };
            // A correction of which nobody knows whether it arrived is not repeated: giving back the same tokens twice
            // would let through more than the limit.
            if self.latency.measure(store.take(LeaseId::nil(), &mut [], &chores)).await.is_err() {
                return false;
            }
            self.pending().told(&chores.releases);
        }
    }

    fn store(&self) -> Result<&dyn SharedMeters, HotError> {
        self.hot.meters().ok_or_else(|| HotError("the hot store has no meters".into()))
    }

    /// Notes the places that a step is about to take.
    fn hold(self: &Arc<Self>, meters: &[Meter]) -> (Option<SharedLease>, LeaseId) {
        let places: Vec<(Counter, u64)> = meters
            .iter()
            .filter(|meter| meter.module == Module::Concurrency)
            .map(|meter| (meter.counter, meter.rate))
            .collect();
        if places.is_empty() {
            return (None, LeaseId::nil());
        }
        let id = LeaseId::now_v7();
        self.held().insert(id, Held { places, renewed: Instant::now() });
        (Some(SharedLease { shared: Arc::clone(self), id }), id)
    }

    /// Puts off the end of every lease of which a third is over.
    async fn renew(&self) {
        let now = Instant::now();
        let mut due = Vec::new();
        for (id, held) in self.held().iter_mut() {
            let shortest = held.places.iter().map(|(_, ttl_ms)| *ttl_ms).min().unwrap_or(u64::MAX);
            if now.duration_since(held.renewed) >= Duration::from_millis(shortest / 3) {
                held.renewed = now;
                due.extend(held.places.iter().map(|(counter, ttl)| (Release { counter: *counter, lease: *id }, *ttl)));
            }
        }
        let Ok(store) = self.store() else { return };
        for batch in due.chunks(BATCH) {
            if self.latency.measure(store.renew(batch)).await.is_err() {
                // Tried again with the next beat; two thirds of each lease are left for that.
                let mut held = self.held();
                for (release, ttl_ms) in batch {
                    if let Some(held) = held.get_mut(&release.lease) {
                        held.renewed -= Duration::from_millis(*ttl_ms / 3).min(held.renewed.elapsed());
                    }
                }
            }
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<LeaseId, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the shared meters are not known to know yet.
///
/// A release stays until some step has told it for certain, and goes with every step on its scope until then: a step must
/// not overtake word of the place that it needs. Telling twice does no harm.
#[derive(Default)]
struct Pending {
    releases: HashMap<Counter, Vec<LeaseId>>,
    count: usize,
    corrections: Vec<Correction>,
}

impl Pending {
    fn give_back(&mut self, counter: Counter, lease: LeaseId) {
        if self.count < MOST_RELEASES {
            self.count += 1;
            self.releases.entry(counter).or_default().push(lease);
        }
    }

    /// The releases of some scopes.
    fn of(&self, counters: impl Iterator<Item = Counter>) -> Vec<Release> {
        let leases = |counter| self.releases.get(&counter).into_iter().flatten().map(move |lease| (counter, *lease));
        counters.flat_map(leases).map(|(counter, lease)| Release { counter, lease }).take(BATCH).collect()
    }

    /// Some of everything; corrections are taken out.
    fn some(&mut self) -> Chores {
        let corrections = self.corrections.drain(..self.corrections.len().min(BATCH)).collect();
        Chores { releases: self.of(self.releases.keys().copied()), corrections }
    }

    fn told(&mut self, releases: &[Release]) {
        for Release { counter, lease } in releases {
            let Some(leases) = self.releases.get_mut(counter) else { continue };
            // Near the front: they are told in the order in which they came.
            if let Some(index) = leases.iter().position(|other| other == lease) {
                leases.remove(index);
                self.count -= 1;
            }
            if leases.is_empty() {
                self.releases.remove(counter);
            }
        }
    }
}

/// Places in the shared meters, given back when dropped.
pub(super) struct SharedLease {
    shared: Arc<Shared>,
    id: LeaseId,
}

impl Drop for SharedLease {
    fn drop(&mut self) {
        let Some(held) = self.shared.held().remove(&self.id) else { return };
        let mut pending = self.shared.pending();
        held.places.iter().for_each(|(counter, _)| pending.give_back(*counter, self.id));
        self.shared.told.notify_one();
    }
}
