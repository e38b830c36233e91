//! The hot store of many nodes: Redis 6 or later.
//!
//! The server should not evict keys (`maxmemory-policy noeviction`): the marks that make cached facts stale live beside them.

mod bus;
mod meters;
mod once;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, RedisResult, Script, SetExpiry, SetOptions};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use self::bus::Bus;
use super::once::{Begun, Claim, Outcome};
use super::{HotError, HotStore, Mark, SharedMeters, Signal, Subject};
use crate::config;
use crate::workers;

/// How long a subject's mark is kept: longer than any fact may be cached.
const MARK_TTL: Duration = Duration::from_secs(24 * 3_600);
/// Seconds after which a rotation that nobody took part in begins anew.
const TURN_TTL: i64 = 24 * 3_600;
/// How long a fact may be cached at the most.
const MAX_FACT_TTL: Duration = Duration::from_secs(3_600);

/// Calls that share a connection before the next one is used.
const SHARING: usize = 32;

/// Keeps shared state in Redis.
pub struct RedisStore {
    client: redis::Client,
    manager: ConnectionManagerConfig,
    /// A connection for each thread that serves requests, made by its first call: what that thread asks is written and read
    /// by itself.
    own: DashMap<usize, Own, RandomState>,
    rejoined: Arc<AtomicU64>,
    /// For everybody else.
    connections: Vec<ConnectionManager>,
    /// Calls whose answer is awaited.
    under_way: AtomicUsize,
    prefix: String,
    channel: String,
    recall: Script,
    changed: Script,
    meters: Script,
    renew: Script,
    begin: Script,
    finish: Script,
    signals: broadcast::Sender<Signal>,
    bus_is_up: Arc<AtomicBool>,
    live_wanted: Arc<AtomicBool>,
    want_live: watch::Sender<bool>,
    node: String,
    patience: Duration,
    bus: JoinHandle<()>,
}

/// A thread's own connection, and how often the bus had been lost when it was made.
struct Own {
    rejoined: u64,
    connection: ConnectionManager,
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.bus.abort();
    }
}

impl RedisStore {
    /// Connects to the configured server and joins the bus.
    ///
    /// # Errors
    /// When the server cannot be reached within the dial timeout.
    pub async fn connect(config: &config::Redis, channel: &str) -> Result<Self, HotError> {
        let client = redis::Client::open(config.url.expose()).map_err(failed)?;
        let manager = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(config.dial_timeout))
            .set_response_timeout(Some(config.command_timeout))
            .set_number_of_retries(1);
        let mut connections = Vec::with_capacity(config.connections.max(1));
        for _ in 0..config.connections.max(1) {
            connections
                .push(ConnectionManager::new_with_config(client.clone(), manager.clone()).await.map_err(failed)?);
        }
        let signals = broadcast::Sender::new(4_096);
        let (want_live, wanted) = watch::channel(false);
        let (bus_is_up, live_wanted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let rejoined = Arc::<AtomicU64>::default();
        let node = uuid::Uuid::now_v7().simple().to_string();
        let mut bus = Bus {
            client: client.clone(),
            commands: connections[0].clone(),
            changes: channel.to_owned(),
            live: format!("{}:live", config.key_prefix),
            ledger: format!("{}:ledger", config.key_prefix),
            beat: format!("{}:beat:{node}", config.key_prefix),
            generation: format!("{}:generation", config.key_prefix),
            node: node.clone(),
            signals: signals.clone(),
            is_up: Arc::clone(&bus_is_up),
            rejoined: Arc::clone(&rejoined),
            live_wanted: Arc::clone(&live_wanted),
            want_live: wanted,
        };
        // Nothing may be cached before changes can be heard.
        let joined = bus.join().await.map_err(failed)?;
        bus_is_up.store(true, Ordering::Release);
        let bus = tokio::spawn(bus.run(joined));
        Ok(Self {
            client,
            manager,
            own: DashMap::default(),
            rejoined,
            connections,
            under_way: AtomicUsize::new(0),
            prefix: config.key_prefix.clone(),
            channel: channel.to_owned(),
            recall: Script::new(include_str!("scripts/recall.lua")),
            changed: Script::new(include_str!("scripts/changed.lua")),
            meters: Script::new(include_str!("scripts/meters.lua")),
            renew: Script::new(include_str!("scripts/renew.lua")),
            begin: Script::new(include_str!("scripts/begin.lua")),
            finish: Script::new(include_str!("scripts/finish.lua")),
            signals,
            bus_is_up,
            live_wanted,
            want_live,
            node,
            patience: config.command_timeout,
            bus,
        })
    }

    /// The connection for the next call. As few are used as will do: calls that are on their way together on one share
    /// system calls and wake-ups, on both sides.
    fn connection(&self) -> ConnectionManager {
        self.own_connection().unwrap_or_else(|| self.shared_connection())
    }

    /// The connection of this thread, if it serves requests. When the bus was lost, so was this one most likely: a new one is
    /// made rather than have a request find out.
    fn own_connection(&self) -> Option<ConnectionManager> {
        let (worker, rejoined) = (workers::current()?, self.rejoined.load(Ordering::Acquire));
        if let Some(own) = self.own.get(&worker)
            && own.rejoined == rejoined
        {
            return Some(own.connection.clone());
        }
        // It is made on this thread's runtime, when it is first used.
        let connection = ConnectionManager::new_lazy_with_config(self.client.clone(), self.manager.clone()).ok()?;
        self.own.insert(worker, Own { rejoined, connection: connection.clone() });
        Some(connection)
    }

    fn shared_connection(&self) -> ConnectionManager {
        let turn = self.under_way.load(Ordering::Relaxed) / SHARING;
        self.connections[turn % self.connections.len()].clone()
    }

    fn key(&self, rest: &str) -> String {
        format!("{}:{rest}", self.prefix)
    }
}

impl RedisStore {
    /// Waits for an answer, but not for long: a connection that is being made again holds its commands until it is there.
    async fn bounded<T>(&self, call: impl Future<Output = RedisResult<T>>) -> Result<T, HotError> {
        let _under_way = UnderWay::new(&self.under_way);
        match tokio::time::timeout(self.patience, call).await {
            Ok(answer) => answer.map_err(failed),
            Err(elapsed) => Err(HotError(elapsed.into())),
        }
    }

    /// As `bounded`, for what requests wait for: while the bus is down they do not wait at all.
    async fn prompt<T>(&self, call: impl Future<Output = RedisResult<T>>) -> Result<T, HotError> {
        if !self.bus_is_up() {
            return Err(HotError("the bus is down".into()));
        }
        self.bounded(call).await
    }
}

/// Counts a call as under way until it is dropped.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn failed(error: redis::RedisError) -> HotError {
    HotError(error.into())
}

#[async_trait::async_trait]
impl HotStore for RedisStore {
    fn kind(&self) -> &'static str {
        "redis"
    }

    async fn ping(&self) -> Result<(), HotError> {
        let mut connection = self.connection();
        self.bounded(redis::cmd("PING").query_async(&mut connection)).await
    }

    async fn mark(&self) -> Result<Mark, HotError> {
        let keys = [self.key("changes"), self.key("generation")];
        let mut connection = self.connection();
        let (changes, generation): (Option<u64>, Option<u64>) = self.prompt(connection.mget(&keys)).await?;
        Ok(Mark { changes: changes.unwrap_or(0), generation: generation.unwrap_or(0) })
    }

    async fn recall(&self, key: &str) -> Result<Option<Bytes>, HotError> {
        let mut call = self.recall.key(self.key(&format!("fact:{key}")));
        call.key(self.key("generation")).arg(self.key("changed:"));
        let mut connection = self.connection();
        let fact: Option<Vec<u8>> = self.prompt(call.invoke_async(&mut connection)).await?;
        Ok(fact.map(Bytes::from))
    }

    async fn remember(
        &self,
        key: &str,
        fact: Bytes,
        subjects: &[Subject],
        mark: Mark,
        ttl: Duration,
    ) -> Result<(), HotError> {
        let key = self.key(&format!("fact:{key}"));
        let subjects: Vec<String> = subjects.iter().map(|subject| subject.simple().to_string()).collect();
        let ttl = i64::try_from(ttl.min(MAX_FACT_TTL).as_secs().max(1)).unwrap_or(1);
        let mut writing = redis::pipe();
        writing
            .atomic()
            .hset_multiple(
                &key,
                &[
                    ("mark", mark.changes.to_string().as_bytes()),
                    ("generation", mark.generation.to_string().as_bytes()),
                    ("subjects", subjects.join(",").as_bytes()),
                    ("fact", &fact),
                ],
            )
            .ignore()
            .expire(&key, ttl)
            .ignore();
        let mut connection = self.connection();
        self.prompt(writing.query_async(&mut connection)).await
    }

    async fn claim(&self, key: &str, ttl: Duration) -> Result<bool, HotError> {
        let options = SetOptions::default()
            .conditional_set(redis::ExistenceCheck::NX)
            .with_expiration(SetExpiry::PX(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)));
        let mut connection = self.connection();
        let taken: Option<String> =
            self.prompt(connection.set_options(self.key(&format!("claim:{key}")), "1", options)).await?;
        Ok(taken.is_some())
    }

    async fn begin(&self, key: &str, claim: Claim<'_>) -> Result<Begun, HotError> {
        self.begin_once(key, claim).await
    }

    async fn finish(&self, key: &str, owner: &str, outcome: &Outcome, ttl: Duration) -> Result<(), HotError> {
        self.end_once(key, owner, Some((outcome, ttl))).await
    }

    async fn release(&self, key: &str, owner: &str) -> Result<(), HotError> {
        self.end_once(key, owner, None).await
    }

    async fn turn(&self, name: &str) -> Result<Option<u64>, HotError> {
        let key = self.key(&format!("turn:{name}"));
        let mut taking = redis::pipe();
        taking.incr(&key, 1).expire(&key, TURN_TTL).ignore();
        let mut connection = self.connection();
        let (turn,): (u64,) = self.prompt(taking.query_async(&mut connection)).await?;
        Ok(Some(turn.wrapping_sub(1)))
    }

    async fn changed(&self, subjects: &[Subject]) -> Result<(), HotError> {
        let names: Vec<String> = subjects.iter().map(|subject| subject.simple().to_string()).collect();
        let message = serde_json::json!({ "subjects": names }).to_string();
        let mut call = self.changed.key(self.key("changes"));
        call.arg(self.key("changed:")).arg(MARK_TTL.as_secs()).arg(&self.channel).arg(message);
        for name in &names {
            call.arg(name);
        }
        let mut connection = self.connection();
        self.bounded(call.invoke_async(&mut connection)).await
    }

    async fn all_changed(&self) -> Result<(), HotError> {
        // Facts of before the new generation are never looked at again; their time to live clears them away.
        let mut change = redis::pipe();
        change.incr(self.key("generation"), 1).ignore().publish(&self.channel, r#"{"all":true}"#).ignore();
        let mut connection = self.connection();
        self.bounded(change.query_async(&mut connection)).await
    }

    async fn share_live(&self, records: Bytes) -> Result<(), HotError> {
        let mut message = self.node.clone().into_bytes();
        message.extend_from_slice(&records);
        let mut connection = self.connection();
        self.prompt(connection.publish(self.key("live"), message)).await
    }

    async fn tell(&self, word: &str) -> Result<(), HotError> {
        let mut connection = self.connection();
        self.prompt(connection.publish(self.key("ledger"), format!("{}{word}", self.node))).await
    }

    fn live_wanted(&self) -> bool {
        self.live_wanted.load(Ordering::Relaxed)
    }

    fn want_live(&self, wanted: bool) {
        self.want_live.send_if_modified(|before| std::mem::replace(before, wanted) != wanted);
    }

    fn listen(&self) -> broadcast::Receiver<Signal> {
        self.signals.subscribe()
    }

    fn bus_is_up(&self) -> bool {
        self.bus_is_up.load(Ordering::Acquire)
    }

    fn meters(&self) -> Option<&dyn SharedMeters> {
        Some(self)
    }
}
