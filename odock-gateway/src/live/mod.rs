//! The live stream: finished requests and second-by-second sums for whoever watches, without touching the database.

mod second;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use dashmap::DashMap;
use entity::health::BreakerStatus;
use entity::live::{Threshold, Tick};
use entity::usage::UsageRecord;
use entity::{OrganisationId, Timestamp};
use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use self::second::Second;

/// What a subscriber may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every organisation.
    Everyone,
    /// One organisation.
    Organisation(OrganisationId),
}

/// What a subscriber gets.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request has ended.
    Request(Arc<UsageRecord>),
    /// A second has passed.
    Tick(Arc<Tick>),
    /// A budget or quota has reached a threshold.
    Threshold(Arc<Threshold>),
    /// So many requests were missed, because the subscriber was slow.
    Gap(u64),
}

/// Every organisation's tick of one second.
#[derive(Debug)]
struct Ticks {
    everyone: Arc<Tick>,
    organisations: HashMap<OrganisationId, Arc<Tick>>,
    quiet: Arc<Tick>,
}

/// Requests that a slow subscriber may lag behind before it misses some.
const BACKLOG: usize = 4_096;

/// What other nodes have not got yet.
#[derive(Debug, Default)]
struct Outbox {
    records: Vec<Arc<UsageRecord>>,
    thresholds: Vec<Arc<Threshold>>,
}

/// Thresholds, as nodes tell each other of them. Records are told as an array.
#[derive(Serialize, Deserialize)]
struct Told<T> {
    thresholds: Vec<T>,
}

/// Distributes finished requests. While nobody watches, a request costs one atomic load.
#[derive(Debug)]
pub struct Hub {
    local_watchers: AtomicUsize,
    /// Whether another node has somebody watching.
    shared: AtomicBool,
    outbox: Mutex<Outbox>,
    thresholds: broadcast::Sender<Arc<Threshold>>,
    requests: broadcast::Sender<Arc<UsageRecord>>,
    ticks: broadcast::Sender<Arc<Ticks>>,
    seconds: Mutex<HashMap<OrganisationId, Second>>,
    in_flight: DashMap<OrganisationId, Arc<AtomicU64>, RandomState>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            local_watchers: AtomicUsize::new(0),
            shared: AtomicBool::new(false),
            outbox: Mutex::default(),
            requests: broadcast::Sender::new(BACKLOG),
            thresholds: broadcast::Sender::new(64),
            ticks: broadcast::Sender::new(16),
            seconds: Mutex::default(),
            in_flight: DashMap::default(),
        }
    }
}

/// Counts a request as under way until it is dropped.
#[derive(Debug)]
#[must_use = "the request counts as under way until this is dropped"]
pub struct InFlight(Arc<AtomicU64>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hub {
    /// Counts a request of an organisation as under way.
    pub fn enter(&self, organisation: OrganisationId) -> InFlight {
        let count = match self.in_flight.get(&organisation) {
            Some(count) => count.clone(),
            None => self.in_flight.entry(organisation).or_default().clone(),
        };
        count.fetch_add(1, Ordering::Relaxed);
        InFlight(count)
    }

    /// Whether anybody on this node watches.
    pub fn is_watched(&self) -> bool {
        self.local_watchers.load(Ordering::Relaxed) > 0
    }

    /// Whether anybody anywhere watches: whether a finished request must be shown at all.
    pub fn is_wanted(&self) -> bool {
        self.is_watched() || self.shared.load(Ordering::Relaxed)
    }

    /// Says whether another node has somebody watching.
    pub fn want_shared(&self, wanted: bool) {
        self.shared.store(wanted, Ordering::Relaxed);
    }

    /// Shows a finished request of this node to whoever watches, here and elsewhere.
    pub fn finished(&self, record: &Arc<UsageRecord>) {
        if self.shared.load(Ordering::Relaxed) {
            let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
            if outbox.records.len() < BACKLOG {
                outbox.records.push(Arc::clone(record));
            }
        }
        self.show(record);
    }

    /// Shows a threshold that was reached to whoever watches, here and elsewhere.
    pub fn reached(&self, threshold: Threshold) {
        let threshold = Arc::new(threshold);
        if self.shared.load(Ordering::Relaxed) {
            self.outbox.lock().unwrap_or_else(PoisonError::into_inner).thresholds.push(Arc::clone(&threshold));
        }
        // Nobody listening is no failure.
        let _ = self.thresholds.send(threshold);
    }

    /// What other nodes have not got yet, in pieces.
    pub fn take_shared(&self) -> impl Iterator<Item = Bytes> + use<> {
        let Outbox { records, thresholds } =
            std::mem::take(&mut *self.outbox.lock().unwrap_or_else(PoisonError::into_inner));
        let records = (!records.is_empty()).then(|| serde_json::to_vec(&records));
        let thresholds = (!thresholds.is_empty()).then(|| serde_json::to_vec(&Told { thresholds }));
        records.into_iter().chain(thresholds).filter_map(|written| written.ok().map(Bytes::from))
    }

    /// Shows what another node tells to whoever watches here.
    pub fn heard(&self, news: &[u8]) {
        let understood = if news.first() == Some(&b'[') {
            serde_json::from_slice::<Vec<UsageRecord>>(news)
                .map(|records| records.into_iter().for_each(|record| self.show(&Arc::new(record))))
        } else {
            serde_json::from_slice::<Told<Threshold>>(news).map(|told| {
                for threshold in told.thresholds {
                    // Nobody listening is no failure.
                    let _ = self.thresholds.send(Arc::new(threshold));
                }
            })
        };
        if let Err(error) = understood {
            tracing::warn!(%error, "another node's live stream cannot be read: is it of another version?");
        }
    }

    fn show(&self, record: &Arc<UsageRecord>) {
        if !self.is_watched() {
            return;
        }
        self.seconds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(record.organisation_id)
            .or_default()
            .add(record);
        // Nobody listening is no failure.
        let _ = self.requests.send(Arc::clone(record));
    }

    /// Ends the present second: to be called once a second. `health` says how the upstreams of each organisation have been
    /// doing, where there is trouble; it is asked only while somebody watches.
    pub fn tick(&self, now: Timestamp, health: impl FnOnce() -> HashMap<OrganisationId, Vec<BreakerStatus>>) {
        let seconds = std::mem::take(&mut *self.seconds.lock().unwrap_or_else(PoisonError::into_inner));
        self.in_flight.retain(|_, count| Arc::strong_count(count) > 1 || count.load(Ordering::Relaxed) > 0);
        if !self.is_watched() {
            return;
        }
        let in_flight = |organisation: &OrganisationId| {
            self.in_flight.get(organisation).map_or(0, |count| count.load(Ordering::Relaxed))
        };
        let mut health = health();
        let troubled = health.values().flatten().cloned().collect();
        let mut seconds = seconds;
        for organisation in health.keys() {
            // Also where nothing was asked in this second.
            seconds.entry(*organisation).or_default();
        }
        let mut everything = Second::default();
        let mut organisations = HashMap::with_capacity(seconds.len());
        for (organisation, second) in seconds {
            everything.merge(&second);
            let breakers = health.remove(&organisation).unwrap_or_default();
            organisations.insert(organisation, Arc::new(second.finish(now, in_flight(&organisation), breakers)));
        }
        let all_in_flight = self.in_flight.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        let ticks = Ticks {
            everyone: Arc::new(everything.finish(now, all_in_flight, troubled)),
            organisations,
            quiet: Arc::new(Second::default().finish(now, 0, Vec::new())),
        };
        let _ = self.ticks.send(Arc::new(ticks));
    }

    /// Begins to watch.
    pub fn watch(self: &Arc<Self>, audience: Audience) -> Watch {
        self.local_watchers.fetch_add(1, Ordering::Relaxed);
        Watch {
            hub: Arc::clone(self),
            audience,
            requests: self.requests.subscribe(),
            ticks: self.ticks.subscribe(),
            thresholds: self.thresholds.subscribe(),
        }
    }
}

/// A subscription to the live stream.
#[derive(Debug)]
pub struct Watch {
    hub: Arc<Hub>,
    audience: Audience,
    requests: broadcast::Receiver<Arc<UsageRecord>>,
    ticks: broadcast::Receiver<Arc<Ticks>>,
    thresholds: broadcast::Receiver<Arc<Threshold>>,
}

impl Watch {
    /// Waits for the next event; `None` when the gateway stops.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                request = self.requests.recv() => match request {
                    Ok(record) if self.may_see(record.organisation_id) => return Some(Event::Request(record)),
                    Ok(_) => {}
                    Err(RecvError::Lagged(missed)) => return Some(Event::Gap(missed)),
                    Err(RecvError::Closed) => return None,
                },
                threshold = self.thresholds.recv() => match threshold {
                    Ok(threshold) if self.may_see(threshold.organisation_id) => return Some(Event::Threshold(threshold)),
                    // Whoever missed one sees it in the windows.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                ticks = self.ticks.recv() => match ticks {
                    Ok(ticks) => return Some(Event::Tick(self.own(&ticks))),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    fn may_see(&self, organisation: OrganisationId) -> bool {
        match self.audience {
            Audience::Everyone => true,
            Audience::Organisation(own) => own == organisation,
        }
    }

    fn own(&self, ticks: &Ticks) -> Arc<Tick> {
        match self.audience {
            Audience::Everyone => Arc::clone(&ticks.everyone),
            Audience::Organisation(own) => Arc::clone(ticks.organisations.get(&own).unwrap_or(&ticks.quiet)),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.hub.local_watchers.fetch_sub(1, Ordering::Relaxed);
    }
}
