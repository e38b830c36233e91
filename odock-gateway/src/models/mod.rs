//! What a model's name means: which upstream, with which credential, at which price.

mod credentials;
mod target;

use std::sync::Arc;
use std::time::Duration;

use entity::{ModelId, OrganisationId, Timestamp};
use moka::future::Cache;
use sea_orm::DbErr;

pub use self::credentials::{Credential, Credentials};
pub use self::target::{KeyRef, Problem, Target};
use crate::clock::Clock;
use crate::config::Config;
use crate::hot::{Epochs, HotStore, Stamp};
use crate::store::{self, Database};
use crate::telemetry::metrics::{CacheMetrics, Lookup, Metrics, OperationMetrics};

/// Models that are remembered at once, at most.
const CAPACITY: u64 = 50_000;
/// While changes made on other nodes cannot be heard, a cached model is asked for again after this long.
const DEAF_TTL: Duration = Duration::from_secs(1);
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
    cache: Cache<ModelId, Arc<Fact>>,
    missing: Cache<(OrganisationId, String), bool>,
    database: Database,
    hot: Arc<dyn HotStore>,
    epochs: Arc<Epochs>,
    clock: Arc<dyn Clock>,
    lookups: Arc<CacheMetrics>,
    queries: Arc<OperationMetrics>,
}

struct Fact {
    target: Option<Arc<Target>>,
    stamp: Stamp,
    read_at: Timestamp,
}

impl Models {
    /// An engine over the given stores.
    pub fn new(
        config: Arc<Config>,
        database: Database,
        hot: Arc<dyn HotStore>,
        epochs: Arc<Epochs>,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> Self {
        let cache = Cache::builder().max_capacity(CAPACITY).time_to_live(config.cache.model_ttl).build();
        let missing = Cache::builder().max_capacity(CAPACITY).time_to_live(UNKNOWN_TTL).build();
        let (lookups, queries) = (metrics.cache("model"), metrics.database("find_model"));
        Self { config, cache, missing, database, hot, epochs, clock, lookups, queries }
    }

    /// What a model means; `None` if it has just been deleted.
    ///
    /// # Errors
    /// When the database cannot say.
    pub async fn target(&self, id: ModelId) -> Result<Option<Arc<Target>>, LookupError> {
        if let Some(fact) = self.cache.get(&id).await {
            let heard = self.hot.bus_is_up() || self.clock.now().since(fact.read_at) < DEAF_TTL;
            match (self.epochs.is_fresh(&fact.stamp), heard) {
                (true, true) => {
                    self.lookups.looked_up(Lookup::Memory);
                    return Ok(fact.target.clone());
                }
                // Only old, while the bus is down: better than nothing if the database is down as well.
                (true, false) => {
                    return match self.read(id).await {
                        Ok(read) => {
                            let read = Arc::new(read);
                            self.cache.insert(id, Arc::clone(&read)).await;
                            Ok(read.target.clone())
                        }
                        Err(_) => Ok(fact.target.clone()),
                    };
                }
                (false, _) => self.cache.invalidate(&id).await,
            }
        }
        let fact = self.cache.try_get_with(id, async { self.read(id).await.map(Arc::new) }).await;
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
        asked.await.map_err(|error| LookupError::clone(&error))
    }

    async fn read(&self, id: ModelId) -> Result<Fact, LookupError> {
        let mark = self.epochs.mark();
        self.lookups.looked_up(Lookup::Miss);
        let rows = bounded(self.queries.measure(store::targets::by_model(self.database.reader(), id))).await?;
        let mut subjects = vec![id.0];
        subjects.extend(rows.iter().flat_map(|rows| [rows.provider.id.0, rows.model.organisation_id.0]));
        let target = rows.map(|rows| Arc::new(Target::new(&self.config, rows)));
        Ok(Fact { target, stamp: self.epochs.stamp(mark, &subjects), read_at: self.clock.now() })
    }
}

async fn bounded<T>(query: impl Future<Output = Result<T, DbErr>>) -> Result<T, LookupError> {
    match tokio::time::timeout(LOOKUP_TIMEOUT, query).await {
        Ok(answer) => answer.map_err(|error| LookupError(error.to_string())),
        Err(_) => Err(LookupError("the database took too long".into())),
    }
}
