//! What a model's name means: which upstream, with which credential, at which price.

mod credentials;
mod target;
pub(crate) mod upstream;

use std::sync::Arc;
use std::time::Duration;

use entity::{ModelId, OrganisationId, Timestamp};
use foldhash::fast::RandomState;
use moka::future::Cache;
use sea_orm::DbErr;

pub use self::credentials::{Credential, Credentials};
pub use self::target::{KeyRef, Problem, Target};
use crate::config::Config;
use crate::hot::{Epochs, HotStore, Reread, Stamp};
use crate::store::{self, Database};
use crate::telemetry::metrics::{CacheMetrics, Lookup, Metrics, OperationMetrics};

/// Models that are remembered at once, at most.
const CAPACITY: u64 = 50_000;
/// How long "no such model" is remembered.
const UNKNOWN_TTL: Duration = Duration::from_secs(5);
/// How long the database may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Models cannot be looked up at present.
#[derive(Clone, Debug, thiserror::Error)]
#[error("models cannot be looked up: {0}")]
pub struct LookupError(String);

/// Finds what models mean.
pub struct Models {
    config: Arc<Config>,
    cache: Cache<ModelId, Arc<Fact>, RandomState>,
    missing: Cache<(OrganisationId, String), bool>,
    database: Database,
    hot: Arc<dyn HotStore>,
    epochs: Arc<Epochs>,
    lookups: Arc<CacheMetrics>,
    queries: Arc<OperationMetrics>,
}

struct Fact {
    target: Option<Arc<Target>>,
    stamp: Stamp,
    reread: Reread,
}

impl Models {
    /// An engine over the given stores.
    pub fn new(
        config: Arc<Config>,
        database: Database,
        hot: Arc<dyn HotStore>,
        epochs: Arc<Epochs>,
        metrics: &Metrics,
    ) -> Self {
        let cache = Cache::builder().max_capacity(CAPACITY).time_to_live(config.cache.model_ttl);
        let cache = cache.build_with_hasher(RandomState::default());
        let missing = Cache::builder().max_capacity(CAPACITY).time_to_live(UNKNOWN_TTL).build();
        let (lookups, queries) = (metrics.cache("model"), metrics.database("find_model"));
        Self { config, cache, missing, database, hot, epochs, lookups, queries }
    }

    /// What a model means; `None` if it has just been deleted.
    ///
    /// # Errors
    /// When the database cannot say.
    pub async fn target(&self, id: ModelId) -> Result<Option<Arc<Target>>, LookupError> {
        if let Some(fact) = self.cache.get(&id).await {
            let heard = self.hot.bus_is_up() || fact.reread.is_recent();
            match (self.epochs.is_fresh(&fact.stamp), heard) {
                (true, true) => {
                    self.lookups.looked_up(Lookup::Memory);
                    return Ok(fact.target.clone());
                }
                // Only old, while the bus is down: better than nothing if the database is down as well.
                (true, false) => return Ok(Box::pin(self.reread(id, fact)).await.target.clone()),
                (false, _) => self.cache.invalidate(&id).await,
            }
        }
        // Boxed, as everything that a hit does not need: the future of a request stays small.
        let fact = Box::pin(self.cache.try_get_with(id, async { self.read(id).await.map(Arc::new) })).await;
        fact.map(|fact| fact.target.clone()).map_err(|error| LookupError::clone(&error))
    }

    /// Whether an organisation has a model of that name, granted or not; remembered for a few seconds.
    ///
    /// # Errors
    /// When the database cannot say.
    pub async fn exists(&self, organisation: OrganisationId, name: &str) -> Result<bool, LookupError> {
        let asked = self.missing.try_get_with((organisation, name.to_owned()), async {
            bounded(store::targets::exists(self.database.reader(), organisation, name)).await
        });
        Box::pin(asked).await.map_err(|error| LookupError::clone(&error))
    }

    /// Reads a fact again that is only old, or else makes do with it.
    async fn reread(&self, id: ModelId, fact: Arc<Fact>) -> Arc<Fact> {
        let Some(_turn) = fact.reread.turn().await else { return Arc::clone(&fact) };
        if let Some(newer) = self.cache.get(&id).await
            && self.epochs.is_fresh(&newer.stamp)
            && newer.reread.is_recent()
        {
            return newer;
        }
        let Ok(read) = self.read(id).await else {
            fact.reread.failed();
            return Arc::clone(&fact);
        };
        let read = Arc::new(read);
        self.cache.insert(id, Arc::clone(&read)).await;
        read
    }

    async fn read(&self, id: ModelId) -> Result<Fact, LookupError> {
        let mark = self.epochs.mark();
        self.lookups.looked_up(Lookup::Miss);
        let rows =
            bounded(self.queries.measure(store::targets::by_model(self.database.reader(), id, Timestamp::now())))
                .await?;
        let mut subjects = vec![id.0];
        subjects.extend(rows.iter().flat_map(|rows| [rows.provider.id.0, rows.model.organisation_id.0]));
        let target = rows.map(|rows| Arc::new(Target::new(&self.config, rows)));
        Ok(Fact { target, stamp: self.epochs.stamp(mark, &subjects), reread: Reread::default() })
    }
}

async fn bounded<T>(query: impl Future<Output = Result<T, DbErr>>) -> Result<T, LookupError> {
    match tokio::time::timeout(LOOKUP_TIMEOUT, query).await {
        Ok(answer) => answer.map_err(|error| LookupError(error.to_string())),
        Err(_) => Err(LookupError("the database took too long".into())),
    }
}
