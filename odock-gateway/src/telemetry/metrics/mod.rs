//! Metrics: the published families, and handles that are registered once so that recording is a few atomic additions.
//!
//! Labels are few and their values known when the program is built; request, trace and organisation ids belong on spans
//! and logs.

mod family;
mod rate_limit;
mod request;
mod routing;
mod storage;
mod table;
mod upstream;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

pub use self::family::{Family, Kind, Tag};
pub use self::rate_limit::{RateLimitMetrics, Unmetered};
pub use self::request::{InFlight, RouteMetrics};
pub use self::routing::{RoutingMetrics, Served};
pub use self::storage::{CacheMetrics, LedgerMetrics, Lookup, OperationMetrics, Reservation, UsageMetrics};
pub use self::upstream::{Failure, OpenStream, ProviderMetrics, StreamEnd};

pub(in crate::telemetry) use self::family::describe;
use self::table::Table;

/// The handles of one gateway. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Handles>);

struct Handles {
    recorder: PrometheusRecorder,
    routes: Table<&'static str, RouteMetrics>,
    providers: Table<(&'static str, &'static str), ProviderMetrics>,
    caches: Table<&'static str, CacheMetrics>,
    database: Table<&'static str, OperationMetrics>,
    hot_store: Table<&'static str, OperationMetrics>,
    usage: UsageMetrics,
    ledger: LedgerMetrics,
    rate_limits: Arc<RateLimitMetrics>,
    routing: Arc<RoutingMetrics>,
}

impl Metrics {
    pub(super) fn new(recorder: PrometheusRecorder) -> Self {
        let usage = UsageMetrics::new(&recorder);
        let ledger = LedgerMetrics::new(&recorder);
        let rate_limits = Arc::new(RateLimitMetrics::new(&recorder));
        let routing = Arc::new(RoutingMetrics::new(&recorder));
        Self(Arc::new(Handles {
            recorder,
            routes: Table::default(),
            providers: Table::default(),
            caches: Table::default(),
            database: Table::default(),
            hot_store: Table::default(),
            usage,
            ledger,
            rate_limits,
            routing,
        }))
    }

    /// The handles of a route, such as `/v1/chat/completions`: the pattern, never a path with ids in it.
    pub fn route(&self, route: &'static str) -> Arc<RouteMetrics> {
        self.0.routes.get(route, || RouteMetrics::new(&self.0.recorder, route))
    }

    /// The handles of a provider family at an endpoint, such as `openai` at `chat_completions`.
    pub fn provider(&self, provider: &'static str, endpoint: &'static str) -> Arc<ProviderMetrics> {
        self.0.providers.get((provider, endpoint), || ProviderMetrics::new(&self.0.recorder, provider, endpoint))
    }

    /// The handles of a cache, such as `api_key`.
    pub fn cache(&self, cache: &'static str) -> Arc<CacheMetrics> {
        self.0.caches.get(cache, || CacheMetrics::new(&self.0.recorder, cache))
    }

    /// The handles of an operation of the database, such as `find_key`.
    pub fn database(&self, operation: &'static str) -> Arc<OperationMetrics> {
        let (duration, errors) = (Family::DatabaseDuration, Family::DatabaseErrors);
        self.0.database.get(operation, || OperationMetrics::new(&self.0.recorder, duration, errors, operation))
    }

    /// The handles of an operation of the hot store, such as `publish`.
    pub fn hot_store(&self, operation: &'static str) -> Arc<OperationMetrics> {
        let (duration, errors) = (Family::HotStoreDuration, Family::HotStoreErrors);
        self.0.hot_store.get(operation, || OperationMetrics::new(&self.0.recorder, duration, errors, operation))
    }

    /// The handles of budgets and quotas.
    pub fn ledger(&self) -> &LedgerMetrics {
        &self.0.ledger
    }

    /// The handles of rate limits.
    pub fn rate_limits(&self) -> Arc<RateLimitMetrics> {
        Arc::clone(&self.0.rate_limits)
    }

    /// The handles of smart routing and of circuit breakers.
    pub fn routing(&self) -> Arc<RoutingMetrics> {
        Arc::clone(&self.0.routing)
    }

    /// The handles of the usage journal.
    pub fn usage(&self) -> &UsageMetrics {
        &self.0.usage
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Makes a recorder whose histograms have buckets where answers of models, and the gateway's own work, really lie.
pub(super) fn recorder() -> PrometheusRecorder {
    const LONG: &[f64] =
        &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];
    const SHORT: &[f64] = &[
        0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
        5.0,
    ];
    let short =
        [Family::RequestOverhead, Family::DatabaseDuration, Family::HotStoreDuration, Family::UsageFlushDuration];
    let mut builder = PrometheusBuilder::new();
    for family in Family::ALL.iter().filter(|family| family.kind() == Kind::Seconds) {
        let buckets = if short.contains(family) { SHORT } else { LONG };
        let matcher = Matcher::Full(family.name().to_owned());
        builder = match builder.set_buckets_for_metric(matcher, buckets) {
            Ok(builder) => builder,
            // Refuses only an empty list of buckets.
            Err(_) => PrometheusBuilder::new(),
        };
    }
    builder.build_recorder()
}
