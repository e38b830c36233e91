//! Everything wired together, once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Auth;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::hot::{Epochs, HotStore, MemoryStore, RedisStore, Signal, Subject};
use crate::idempotency::Idempotency;
use crate::identity::Identity;
use crate::jobs::Jobs;
use crate::ledger::{Ledger, Worker};
use crate::limits::Limits;
use crate::live::Hub;
use crate::models::{Credentials, Models};
use crate::pipeline::send::{Streams, Upstreams, watch};
use crate::routing::{Health, Turns};
use crate::secrets::Sealing;
use crate::store::{self, Database};
use crate::telemetry::Telemetry;
use crate::telemetry::log;
use crate::usage::Usage;

/// A running gateway: what both planes share. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

/// The parts of a gateway. Reached through [`Gateway`].
pub struct Parts {
    /// What it was told.
    pub config: Arc<Config>,
    /// The system of record.
    pub database: Database,
    /// Shared hot state.
    pub hot: Arc<dyn HotStore>,
    /// What has changed, for every cache of this node.
    pub epochs: Arc<Epochs>,
    /// The key pair that secrets are sealed for.
    pub sealing: Arc<Sealing>,
    /// Who is calling.
    pub auth: Auth,
    /// Who administers.
    pub identity: Arc<Identity>,
    /// What a model's name means.
    pub models: Models,
    /// Provider credentials, opened.
    pub credentials: Credentials,
    /// Connections to providers.
    pub upstreams: Upstreams,
    /// How upstreams have been doing, and which of them rest.
    pub health: Health,
    /// Whose turn it is, for keys that rotate their models.
    pub turns: Turns,
    /// Streams under way.
    pub streams: Streams,
    /// Repeated requests.
    pub idempotency: Arc<Idempotency>,
    /// Tasks that are done while their caller does something else.
    pub jobs: Arc<Jobs>,
    /// Rate limits.
    pub limits: Limits,
    /// Usage records on their way to the database.
    pub usage: Usage,
    /// Budgets and quotas.
    pub ledger: Arc<Ledger>,
    /// Finished requests, for whoever watches.
    pub live: Arc<Hub>,
    /// Its metrics.
    pub telemetry: Telemetry,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Requests under way, in the whole process.
    pub in_flight: AtomicU64,
    /// Ends when the gateway stops.
    pub stopping: CancellationToken,
    /// Ends when nothing is under way any more: until then the leases of budgets and quotas are kept alive, and other nodes
    /// are answered.
    finished: CancellationToken,
    tasks: TaskTracker,
    /// Changes that other nodes could not be told of yet.
    untold: Mutex<Vec<Subject>>,
}

impl std::ops::Deref for Gateway {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Gateway {
    /// Opens the stores, brings the schema up to date, takes up what an earlier process left behind, and starts the
    /// background work.
    ///
    /// # Errors
    /// Says which part cannot be used, and why.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        Self::start_with_clock(config, Arc::new(SystemClock)).await
    }

    /// As [`Gateway::start`], by another clock.
    ///
    /// # Errors
    /// Says which part cannot be used, and why.
    pub async fn start_with_clock(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        crate::data_dir::prepare(&config.data.dir)?;
        let database = Database::connect(&config.database).await.context("cannot open the database")?;
        if config.database.auto_migrate {
            store::migrate::up(&database).await.context("cannot bring the database's schema up to date")?;
        }
        let hot: Arc<dyn HotStore> = match &config.redis {
            Some(redis) => Arc::new(
                RedisStore::connect(redis, &config.cache.invalidation_channel)
                    .await
                    .context("cannot connect to Redis")?,
            ),
            None => Arc::new(MemoryStore::default()),
        };
        let sealing = Arc::new(
            Sealing::load(&config.secrets, &config.data.dir).context("cannot load the key pair for sealed secrets")?,
        );
        if sealing.is_generated() && hot.kind() != "memory" {
            tracing::warn!(
                "this node made its own sealing key: set PROVIDER_KEY_ENCRYPTION_PRIVATE_KEY and _KEY_ID on every node, \
                 or no other node can open the provider keys that are sealed for this one"
            );
        }
        crate::rewrap::check_keys(&database, &sealing).await?;
        let epochs = Arc::new(Epochs::default());
        let telemetry = Telemetry::new(log::stats());
        let metrics = &telemetry.metrics;
        let shared = || (database.clone(), Arc::clone(&hot), Arc::clone(&epochs), Arc::clone(&clock));
        let (db, bus, history, time) = shared();
        let auth = Auth::new(&config.cache, db, bus, history, time, metrics);
        let (db, bus, history, _) = shared();
        let models = Models::new(Arc::clone(&config), db, bus, history, metrics);
        let credentials = Credentials::new(Arc::clone(&sealing), config.cache.provider_key_ttl);
        let idempotency = Idempotency::new(config.idempotency.clone(), Arc::clone(&hot), &sealing);
        let identity = Arc::new(Identity::new(&config.identity, config.upstream.allow_link_local, Arc::clone(&hot)));
        let upstreams = Upstreams::new(config.upstream.allow_link_local);
        let health = Health::new(config.routing.clone(), Arc::clone(&clock), metrics);
        let turns = Turns::new(Arc::clone(&hot));
        let ledger = Ledger::new(config.ledger.clone(), database.clone(), Arc::clone(&hot));
        let jobs = Jobs::new(config.jobs.clone(), database.clone(), ledger.node, &sealing);
        let journal = config.data.dir.join("journal");
        let limits = Limits::start(&config.limits, &hot, Arc::clone(&clock), metrics);
        let usage = Usage::start(&config.usage, &journal, database.clone(), Arc::clone(&ledger), metrics.clone())?;
        let gateway = Self(Arc::new(Parts {
            config,
            database,
            hot,
            epochs,
            sealing,
            auth,
            identity,
            models,
            credentials,
            upstreams,
            health,
            turns,
            streams: Streams::default(),
            idempotency,
            jobs,
            limits,
            usage,
            ledger,
            live: Arc::new(Hub::default()),
            telemetry,
            clock,
            in_flight: AtomicU64::new(0),
            stopping: CancellationToken::new(),
            finished: CancellationToken::new(),
            tasks: TaskTracker::new(),
            untold: Mutex::default(),
        }));
        gateway.settle_predecessor();
        gateway.spawn_listener();
        gateway.spawn_keepers();
        gateway.spawn_ticker();
        gateway.tasks.spawn(watch(gateway.clone()));
        Ok(gateway)
    }

    /// Stops the background work and writes out what is still in memory, for `grace` at the most.
    pub async fn stop(&self, grace: Duration) {
        self.stopping.cancel();
        self.finished.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!("background work did not end in time");
        }
        self.limits.drain(grace).await;
        self.usage.drain(grace).await;
        // Capacity whose records are still on disk only belongs to them: the next process gives it back after them.
        // So does capacity of requests that did not end: the next process charges them, and then gives it back.
        if self.usage.backlog().0 == 0 && self.ledger.requests_under_way() == 0 {
            self.ledger.close().await;
            crate::data_dir::forget_node(&self.config.data.dir);
        }
        if tokio::time::timeout(grace, self.database.clone().close()).await.is_err() {
            tracing::warn!("the database's connections did not close in time");
        }
    }

    /// Hears what other nodes changed and what their callers did.
    fn spawn_listener(&self) {
        let (gateway, mut signals) = (self.clone(), self.hot.listen());
        self.tasks.spawn(async move {
            let finished = gateway.finished.clone();
            while let Some(signal) = finished.run_until_cancelled(signals.recv()).await {
                match signal {
                    Ok(Signal::Changed(subjects)) => {
                        gateway.epochs.changed(&subjects);
                        gateway.streams.look_again();
                    }
                    Ok(Signal::Live(news)) => gateway.live.heard(&news),
                    Ok(Signal::Ledger(word)) => gateway.ledger.heard(&word),
                    Ok(Signal::AllChanged) | Err(RecvError::Lagged(_)) => {
                        gateway.epochs.all_changed();
                        gateway.streams.look_again();
                    }
                    Err(RecvError::Closed) => return,
                }
            }
        });
    }

    /// Gives back what an earlier process on this data directory held of budgets and quotas, once the records that it left
    /// in the journal are all in the database.
    fn settle_predecessor(&self) {
        let (gateway, dir) = (self.clone(), self.config.data.dir.clone());
        let predecessors = crate::data_dir::remember_node(&dir, self.ledger.node);
        if predecessors.is_empty() {
            return;
        }
        let journal_end = gateway.usage.mark();
        self.tasks.spawn(async move {
            let settled = async {
                while !gateway.usage.is_committed(journal_end) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                for node in predecessors {
                    while let Err(error) = store::ledger::bury(&gateway.database, node).await {
                        tracing::warn!(%error, "could not give back what an earlier process held of budgets and quotas");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
                crate::data_dir::only_node(&dir, gateway.ledger.node);
            };
            gateway.stopping.run_until_cancelled(settled).await;
        });
    }

    /// Keeps house for budgets and quotas, and does the rounds in which one node works for all.
    fn spawn_keepers(&self) {
        let (gateway, clock) = (self.clone(), Arc::clone(&self.clock));
        let now = move || clock.now();
        self.tasks.spawn(Arc::clone(&gateway.ledger).keep(gateway.finished.clone(), now.clone()));
        let metrics = self.telemetry.metrics.clone();
        self.tasks.spawn(Arc::clone(&gateway.jobs).keep(gateway.finished.clone(), now.clone()));
        let worker =
            Worker::new(Arc::clone(&self.ledger), self.database.clone(), &self.config, metrics, Arc::clone(&self.live));
        self.tasks.spawn(worker.run(self.stopping.clone(), now));
    }

    /// Ends the live stream's seconds, and shares this node's requests with the others.
    fn spawn_ticker(&self) {
        let gateway = self.clone();
        self.tasks.spawn(async move {
            let stopping = gateway.stopping.clone();
            let mut beat = tokio::time::interval(Duration::from_millis(200));
            beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            let mut beats = 0_u32;
            while stopping.run_until_cancelled(beat.tick()).await.is_some() {
                beats = beats.wrapping_add(1);
                gateway.tell_again().await;
                gateway.hot.want_live(gateway.live.is_watched());
                gateway.live.want_shared(gateway.hot.live_wanted());
                for news in gateway.live.take_shared() {
                    if let Err(error) = gateway.hot.share_live(news).await {
                        tracing::debug!(%error, "could not share the live stream with other nodes");
                    }
                }
                if beats.is_multiple_of(5) {
                    gateway.live.tick(gateway.clock.now(), || gateway.health.by_organisation());
                    // Called every second, as it wants to be.
                    gateway.telemetry.run_upkeep();
                }
            }
        });
    }

    /// Has a job done in the background.
    pub(crate) fn spawn_job(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Counts a request as under way until the guard is dropped; `None` when there are as many as there may be.
    pub fn enter(&self) -> Option<Entered> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let entered = Entered(self.clone());
        let most = self.config.http.max_concurrent_requests;
        most.is_none_or(|most| before < most as u64).then_some(entered)
    }
}

/// A request under way.
#[must_use = "the request counts as under way until this is dropped"]
pub struct Entered(Gateway);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Parts {
    /// Makes every cached fact about `subjects` stale: here at once, on other nodes within a second. To be called after
    /// the change is committed.
    pub async fn invalidate(&self, subjects: &[Subject]) {
        self.epochs.changed(subjects);
        self.streams.look_again();
        if let Err(error) = self.hot.changed(subjects).await {
            // Where the whole bus is down, other nodes stop trusting their caches by themselves. Where it is not, they do
            // not know that they missed something, nor does the shared cache: it is said again until it is heard.
            tracing::error!(%error, "could not tell other nodes about a change; trying again");
            self.untold().extend_from_slice(subjects);
        }
    }

    /// Says again what could not be said before.
    async fn tell_again(&self) {
        let subjects = std::mem::take(&mut *self.untold());
        if !subjects.is_empty() && self.hot.changed(&subjects).await.is_err() {
            self.untold().extend(subjects);
        }
    }

    fn untold(&self) -> std::sync::MutexGuard<'_, Vec<Subject>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
