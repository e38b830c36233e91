//! Policies and rate limits: what each scope allows, and the gates that ask.
//!
//! | gate | when | asks |
//! | --- | --- | --- |
//! | `pre_auth` | before the key is looked up | the global policy: addresses, and requests if the key is not known here yet |
//! | `early` | before the body is read | organisation, team and key: addresses, bytes, concurrency, burst, rps, rpm |
//! | `final` | before anything is paid for | tokens of every scope, and all that the model's own policy limits |
//!
//! **Scopes add up.** A request must pass each that applies. A gate asks all of them in one step, which takes from all or
//! from none: a request that one scope refuses costs the others nothing. `hot/meters/mod.rs` says how counting works, and
//! why no second and no minute ever holds more than its limit.
//!
//! **The early gate's meters** are asked in the final gate's step when the announced body is small: one round trip to Redis
//! less. What ends in between asks them then.
//!
//! **The global policy's requests** are counted before anything is looked up, so that a flood of made-up keys meets them.
//! For a key that this process knows they are counted in the early gate's step instead: one round trip to Redis less.
//!
//! **Tokens** are set aside before the call: the estimated prompt and the requested cap of the answer, times the number of
//! answers. When the record is left, the second in which they were set aside is corrected to what was really used, once.
//! A request that could use more than a whole minute's limit can never pass, and is told so.
//!
//! **Places** (`concurrency`) ride with the request and are given back when it ends, however it ends. On Redis they are
//! leases, put off while the request lives; those of a dead node run out.
//!
//! **A shadow scope** decides and is recorded, but refuses nobody. It counts what would have passed it.
//!
//! **An overlay** scales requests, tokens, bursts and concurrency for a while; neither addresses nor sizes.
//!
//! **When Redis is away** `RATELIMIT_FAILURE_MODE` decides: `local` counts in this process at the same numbers, `open` lets
//! pass, `closed` refuses with 503.

mod checks;
mod demand;
mod denial;
mod gates;
mod notes;
mod scope;
mod shared;
mod step;
mod words;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arc_swap::ArcSwap;
use entity::vocab::ScopeType;
use uuid::Uuid;

pub use self::checks::BodyCap;
pub use self::denial::Denial;
pub use self::gates::Wants;
pub use self::notes::{Headroom, Notes};
pub use self::scope::{OverlayRule, Scope, scope_word};
pub use self::words::{Gate, LimitWord, Verdict};

use self::shared::{Background, Shared, SharedLease};
use crate::clock::Clock;
use crate::config::{self, FailureMode};
use crate::hot::meters::{Counter, LocalMeters};
use crate::hot::{HotError, HotStore};
use crate::telemetry::metrics::{Metrics, RateLimitMetrics};

/// What the gateway's settings say, which can change while it runs.
struct Rules {
    global: Option<Scope>,
    on_failure: FailureMode,
}

impl Rules {
    fn of(config: &config::Limits) -> Self {
        let global = config.global_policy.clone().filter(|policies| !policies.is_empty());
        Self {
            global: global.map(|policies| Scope::new(ScopeType::Global, Uuid::nil(), policies)),
            on_failure: config.failure_mode,
        }
    }
}

/// The limits of a gateway.
pub struct Limits {
    rules: ArcSwap<Rules>,
    clock: Arc<dyn Clock>,
    local: Arc<LocalMeters>,
    shared: Option<Arc<Shared>>,
    _background: Option<Background>,
    away: AtomicBool,
    metrics: Arc<RateLimitMetrics>,
}

/// Why a request does not pass a gate.
#[derive(Debug)]
pub enum Refusal {
    /// A limit says so.
    Denied(Denial),
    /// Nobody can say, and then nobody may pass.
    Unavailable(HotError),
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// Places that a request holds, given back when dropped.
#[must_use = "the places are given back when this is dropped"]
pub struct Lease {
    local: Vec<Counter>,
    meters: Arc<LocalMeters>,
    shared: Option<SharedLease>,
}

impl Lease {
    /// Parts with the places of a model's own limits, which a call gives back when it goes on to another model.
    pub fn part_with_model(&mut self) -> Option<Self> {
        let local: Vec<Counter> = self.local.extract_if(.., |counter| counter.kind == ScopeType::Model).collect();
        let shared = self.shared.as_mut().and_then(|shared| shared.part_with(ScopeType::Model));
        let is_any = !local.is_empty() || shared.is_some();
        is_any.then(|| Self { local, meters: Arc::clone(&self.meters), shared })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.local.iter().for_each(|counter| self.meters.give_back(*counter));
    }
}

impl Limits {
    /// The limits over the given hot store. To be called on a runtime: shared meters take some work in the background.
    pub fn start(config: &config::Limits, hot: &Arc<dyn HotStore>, clock: Arc<dyn Clock>, metrics: &Metrics) -> Self {
        let shared = hot.meters().is_some().then(|| Shared::new(Arc::clone(hot), metrics.hot_store("rate_limits")));
        Self {
            rules: ArcSwap::from_pointee(Rules::of(config)),
            local: Arc::new(LocalMeters::new(Arc::clone(&clock))),
            clock,
            _background: shared.as_ref().map(Shared::start),
            shared,
            away: AtomicBool::new(false),
            metrics: metrics.rate_limits(),
        }
    }

    /// Goes on with other settings. What was counted stays counted, and requests under way keep the places that they have.
    pub fn set(&self, config: &config::Limits) {
        self.rules.store(Arc::new(Rules::of(config)));
    }

    /// Whether a policy of the gateway's own binds everybody.
    #[must_use]
    pub fn has_global_policy(&self) -> bool {
        self.rules.load().global.is_some()
    }

    /// Tells the shared meters what they do not know yet, and ends the background work.
    pub async fn drain(&self, grace: Duration) {
        if let Some(shared) = &self.shared
            && tokio::time::timeout(grace, shared.flush()).await != Ok(true)
        {
            tracing::warn!("the places of the last requests could not be given back; they end by themselves");
        }
    }
}
