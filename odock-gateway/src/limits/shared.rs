//! This node's side of the shared meters: the places that it holds, and what it still has to tell.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use entity::vocab::ScopeType;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::hot::meters::{Chores, Correction, Counter, LeaseId, Meter, Module, Release, SharedMeters};
use crate::hot::{HotError, HotStore};
use crate::telemetry::metrics::OperationMetrics;

/// How long a place that was given back may wait for a step that takes word of it along.
const FLUSH_DELAY: Duration = Duration::from_millis(5);
/// How long to wait after the shared meters could not be told.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// How often leases are looked through for those whose end must be put off.
const RENEW_BEAT: Duration = Duration::from_millis(500);
/// Chores that one step takes along, and leases that are renewed at once, at most.
const BATCH: usize = 1_000;
/// How often, and after what pause, a step is made again that word of a place on another connection may have missed.
const OVERTAKEN_TRIES: u32 = 3;
const OVERTAKEN_DELAY: Duration = Duration::from_millis(1);
/// Corrections among which one of the same slot is looked for.
const NEAR: usize = 16;
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
        let mut tries = 0;
        let now = loop {
            let (sending, overtaken) = self.send_releases();
            let chores = Chores { releases: sending.releases.clone(), corrections: Vec::new() };
            let now = self.latency.measure(self.store()?.take(id, meters, &chores)).await?;
            sending.told();
            let lacks_place = |meter: &Meter| meter.module == Module::Concurrency && meter.refuses();
            // Word of the place that it needs may be on its way on another connection, and come after this step.
            if !overtaken || tries == OVERTAKEN_TRIES || !meters.iter().any(lacks_place) {
                break now;
            }
            tries += 1;
            tokio::time::sleep(OVERTAKEN_DELAY).await;
        };
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
        self.pending().correct(correction);
        self.told.notify_one();
    }

    /// Tells everything there is to tell. False when the shared meters are away.
    pub(super) async fn flush(&self) -> bool {
        loop {
            let (sending, _) = self.send_releases();
            let corrections = self.pending().some_corrections();
            let chores = Chores { releases: sending.releases.clone(), corrections };
            if chores.is_empty() {
                return true;
            }
            let Ok(store) = self.store() else { return true };
            // A correction of which nobody knows whether it arrived is not repeated: giving back the same tokens twice
            // would let through more than the limit.
            if self.latency.measure(store.take(LeaseId::nil(), &mut [], &chores)).await.is_err() {
                return false;
            }
            sending.told();
        }
    }

    /// Places to give back that nobody is telling yet, and whether others are on their way.
    fn send_releases(&self) -> (Sending<'_>, bool) {
        let mut pending = self.pending();
        let overtaken = pending.on_the_way > 0;
        let count = pending.releases.len().min(BATCH);
        let releases: Vec<Release> = pending.releases.drain(..count).collect();
        pending.on_the_way += releases.len();
        drop(pending);
        (Sending { shared: self, releases }, overtaken)
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
        let counters = places.iter().map(|(counter, _)| *counter).collect();
        self.held().insert(id, Held { places, renewed: Instant::now() });
        (Some(SharedLease { shared: Arc::clone(self), id, counters }), id)
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
#[derive(Default)]
struct Pending {
    /// Places that were given back and that nobody tells at present.
    releases: VecDeque<Release>,
    /// How many more are being told.
    on_the_way: usize,
    corrections: Vec<Correction>,
}

impl Pending {
    fn give_back(&mut self, release: Release) {
        if self.releases.len() < MOST_RELEASES {
            self.releases.push_back(release);
        }
    }

    /// Adds a correction, to one of the same slot if there is one among the last.
    fn correct(&mut self, correction: Correction) {
        let slot = |it: &Correction| it.at_us.div_euclid(it.module.slots().0);
        let same = |other: &&mut Correction| {
            (other.counter, other.module) == (correction.counter, correction.module) && slot(other) == slot(&correction)
        };
        match self.corrections.iter_mut().rev().take(NEAR).find(same) {
            Some(other) => other.by = other.by.saturating_add(correction.by),
            None => self.corrections.push(correction),
        }
    }

    fn some_corrections(&mut self) -> Vec<Correction> {
        self.corrections.drain(..self.corrections.len().min(BATCH)).collect()
    }
}

/// Releases that are being told. If nobody comes to know that they were, they are told again, which does no harm.
struct Sending<'a> {
    shared: &'a Shared,
    releases: Vec<Release>,
}

impl Sending<'_> {
    /// They have arrived.
    fn told(mut self) {
        self.shared.pending().on_the_way -= self.releases.len();
        self.releases.clear();
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if self.releases.is_empty() {
            return;
        }
        let mut pending = self.shared.pending();
        pending.on_the_way -= self.releases.len();
        self.releases.drain(..).for_each(|release| pending.give_back(release));
        self.shared.told.notify_one();
    }
}

/// Places in the shared meters, given back when dropped.
pub(super) struct SharedLease {
    shared: Arc<Shared>,
    id: LeaseId,
    /// Whose places these are.
    counters: Vec<Counter>,
}

impl SharedLease {
    /// Parts with the places of one kind of scope.
    pub(super) fn part_with(&mut self, kind: ScopeType) -> Option<Self> {
        let counters: Vec<Counter> = self.counters.extract_if(.., |counter| counter.kind == kind).collect();
        (!counters.is_empty()).then(|| Self { shared: Arc::clone(&self.shared), id: self.id, counters })
    }
}

impl Drop for SharedLease {
    fn drop(&mut self) {
        let mut all = self.shared.held();
        let Some(held) = all.get_mut(&self.id) else { return };
        held.places.retain(|(counter, _)| !self.counters.contains(counter));
        if held.places.is_empty() {
            all.remove(&self.id);
        }
        drop(all);
        let mut pending = self.shared.pending();
        let releases = self.counters.iter().map(|counter| Release { counter: *counter, lease: self.id });
        releases.for_each(|release| pending.give_back(release));
        self.shared.told.notify_one();
    }
}
