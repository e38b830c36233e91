//! Who is calling: virtual keys to principals, through this process's cache, the hot store and the database.

mod principal;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foldhash::fast::RandomState;
use moka::future::Cache;
use sea_orm::DbErr;
use uuid::Uuid;

pub use self::principal::{Principal, Refusal};
use crate::clock::Clock;
use crate::config;
use crate::hot::{Epochs, HotStore, Reread, Stamp};
use crate::store::{self, Database};
use crate::telemetry::metrics::{CacheMetrics, Lookup, Metrics, OperationMetrics};

/// Keys that are remembered at once, at most.
const CAPACITY: u64 = 100_000;
/// How long the database may take to say who somebody is.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// SHA-256 of a whole virtual key.
pub type KeyHash = [u8; 32];

/// Why a caller is refused.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No such key.
    #[error("the API key is not known")]
    Unknown,
    /// Its time is over.
    #[error("the API key has expired")]
    Expired,
    /// It was revoked, or whom it belongs to was.
    #[error("the API key is refused: {0:?}")]
    Refused(Refusal),
    /// Nobody can say at present.
    #[error("keys cannot be looked up: {0}")]
    Unavailable(String),
}

/// Finds out who is calling.
pub struct Auth {
    cache: Cache<KeyHash, Arc<Fact>, RandomState>,
    database: Database,
    hot: Arc<dyn HotStore>,
    epochs: Arc<Epochs>,
    clock: Arc<dyn Clock>,
    ttl: Duration,
    lookups: Arc<CacheMetrics>,
    queries: Arc<OperationMetrics>,
}

/// What is known about a hash: a principal, or that nobody has it.
struct Fact {
    principal: Option<Arc<Principal>>,
    stamp: Stamp,
    reread: Reread,
}

/// Known keys and unknown ones are remembered for different times.
struct Ttl {
    known: Duration,
    unknown: Duration,
}

impl moka::Expiry<KeyHash, Arc<Fact>> for Ttl {
    fn expire_after_create(&self, _: &KeyHash, fact: &Arc<Fact>, _: std::time::Instant) -> Option<Duration> {
        Some(if fact.principal.is_some() { self.known } else { self.unknown })
    }
}

/// What "nobody has this key" depends on. Unknown keys share a few thousand subjects, so that guessing cannot fill memory.
#[must_use]
pub fn unknown_key_subject(hash: &KeyHash) -> Uuid {
    const FIRST: u128 = 0x0d0c_0000_0000_0000_0000_0000_0000_0000;
    Uuid::from_u128(FIRST | u128::from(u16::from_be_bytes([hash[0], hash[1]]) & 0x0fff))
}

impl Auth {
    /// An engine over the given stores.
    pub fn new(
        config: &config::Cache,
        database: Database,
        hot: Arc<dyn HotStore>,
        epochs: Arc<Epochs>,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> Self {
        let ttl = Ttl { known: config.auth_ttl, unknown: config.auth_negative_ttl };
        let cache = Cache::builder().max_capacity(CAPACITY).expire_after(ttl).build_with_hasher(RandomState::default());
        let (lookups, queries) = (metrics.cache("api_key"), metrics.database("find_key"));
        Self { cache, database, hot, epochs, clock, ttl: config.auth_ttl, lookups, queries }
    }

    /// Finds the principal of a key and says whether it may call now.
    ///
    /// # Errors
    /// When nobody has the key, it may not call, or nobody can say at present.
    pub async fn principal(&self, hash: &KeyHash) -> Result<Arc<Principal>, AuthError> {
        let fact = self.fact(hash).await?;
        let Some(principal) = &fact.principal else { return Err(AuthError::Unknown) };
        if let Some(refusal) = principal.refused {
            return Err(AuthError::Refused(refusal));
        }
        if principal.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(AuthError::Expired);
        }
        Ok(Arc::clone(principal))
    }

    /// The principal of a key of which this process knows that it may call: finding it asks nobody.
    pub async fn known(&self, hash: &KeyHash) -> Option<Arc<Principal>> {
        let fact = self.cache.get(hash).await.filter(|fact| self.is_current(fact))?;
        let principal = fact.principal.as_ref()?;
        let may_call = principal.refused.is_none() && principal.expires_at.is_none_or(|end| end > self.clock.now());
        may_call.then(|| {
            self.lookups.looked_up(Lookup::Memory);
            Arc::clone(principal)
        })
    }

    async fn fact(&self, hash: &KeyHash) -> Result<Arc<Fact>, AuthError> {
        if let Some(fact) = self.cache.get(hash).await {
            if self.is_current(&fact) {
                self.lookups.looked_up(if fact.principal.is_some() { Lookup::Memory } else { Lookup::Negative });
                return Ok(fact);
            }
            if self.epochs.is_fresh(&fact.stamp) {
                // Only old, while the bus is down: better than nothing if the database is down as well.
                return Ok(Box::pin(self.reread(hash, fact)).await);
            }
            self.cache.invalidate(hash).await;
        }
        // Of many who ask at once for the same key, one reads and the others wait for it.
        // Boxed, as everything that a hit does not need: the future of a request stays small.
        let fact = Box::pin(self.cache.try_get_with(*hash, async { self.read(hash).await.map(Arc::new) })).await;
        fact.map_err(|error| AuthError::Unavailable(error.to_string()))
    }

    /// Reads a fact again that is only old, or else makes do with it.
    async fn reread(&self, hash: &KeyHash, fact: Arc<Fact>) -> Arc<Fact> {
        let Some(_turn) = fact.reread.turn().await else { return Arc::clone(&fact) };
        if let Some(newer) = self.cache.get(hash).await
            && self.is_current(&newer)
        {
            return newer;
        }
        let Ok(read) = self.read(hash).await else {
            fact.reread.failed();
            return Arc::clone(&fact);
        };
        let read = Arc::new(read);
        self.cache.insert(*hash, Arc::clone(&read)).await;
        read
    }

    fn is_current(&self, fact: &Fact) -> bool {
        self.epochs.is_fresh(&fact.stamp) && (self.hot.bus_is_up() || fact.reread.is_recent())
    }

    async fn read(&self, hash: &KeyHash) -> Result<Fact, Unavailable> {
        let mark = self.epochs.mark();
        let principal = match tokio::time::timeout(LOOKUP_TIMEOUT, self.principal_by_hash(hash)).await {
            Ok(found) => found.map_err(|error| Unavailable(error.to_string()))?,
            Err(_) => return Err(Unavailable("the database took too long".into())),
        };
        let subjects = principal.as_ref().map_or_else(|| vec![unknown_key_subject(hash)], Principal::subjects);
        let stamp = self.epochs.stamp(mark, &subjects);
        Ok(Fact { principal: principal.map(Arc::new), stamp, reread: Reread::default() })
    }

    async fn principal_by_hash(&self, hash: &KeyHash) -> Result<Option<Principal>, DbErr> {
        let name = store::principals::hex(hash);
        let shared = self.hot.kind() != "memory";
        let mark = if shared {
            let key = format!("principal:{name}");
            if let Ok(Some(fact)) = self.hot.recall(&key).await
                && let Ok(principal) = serde_json::from_slice(&fact)
            {
                self.lookups.looked_up(Lookup::HotStore);
                return Ok(Some(principal));
            }
            self.hot.mark().await.ok()
        } else {
            None
        };
        self.lookups.looked_up(Lookup::Miss);
        let query = store::principals::by_hash(self.database.reader(), hash, self.clock.now());
        let principal = self.queries.measure(query).await?;
        if let (Some(mark), Some(principal)) = (mark, &principal)
            && let Ok(fact) = serde_json::to_vec(principal)
        {
            // A cache that cannot be filled costs the next node a query, nothing more.
            let _ = self
                .hot
                .remember(&format!("principal:{name}"), Bytes::from(fact), &principal.subjects(), mark, self.ttl)
                .await;
        }
        Ok(principal)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unavailable(String);
