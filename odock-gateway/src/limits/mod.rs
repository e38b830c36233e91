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
mod notes;
mod scope;
mod shared;
mod words;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entity::usage::LimitMark;
use entity::vocab::ScopeType;
use uuid::Uuid;

pub use self::checks::BodyCap;
pub use self::denial::Denial;
pub use self::notes::{Headroom, Notes};
pub use self::scope::{OverlayRule, Scope, scope_word};
pub use self::words::{Gate, LimitWord, Verdict};

use self::demand::Share;
use self::notes::{Mark, Reserved};
use self::shared::{Background, Shared, SharedLease};
use crate::auth::Principal;
use crate::clock::Clock;
use crate::config::{self, FailureMode};
use crate::hot::meters::{Correction, Counter, LocalMeters, Meter, Module};
use crate::hot::{HotError, HotStore};
use crate::models::Target;
use crate::telemetry::metrics::{Metrics, RateLimitMetrics, Unmetered};

/// The limits of a gateway.
pub struct Limits {
    global: Option<Scope>,
    on_failure: FailureMode,
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
    _shared: Option<SharedLease>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.local.iter().for_each(|counter| self.meters.give_back(*counter));
    }
}

impl Limits {
    /// The limits over the given hot store. To be called on a runtime: shared meters take some work in the background.
    pub fn start(config: &config::Limits, hot: &Arc<dyn HotStore>, clock: Arc<dyn Clock>, metrics: &Metrics) -> Self {
        let global = config.global_policy.clone().filter(|policies| !policies.is_empty());
        let shared = hot.meters().is_some().then(|| Shared::new(Arc::clone(hot), metrics.hot_store("rate_limits")));
        Self {
            global: global.map(|policies| Scope::new(ScopeType::Global, Uuid::nil(), policies)),
            on_failure: config.failure_mode,
            local: Arc::new(LocalMeters::new(Arc::clone(&clock))),
            clock,
            _background: shared.as_ref().map(Shared::start),
            shared,
            away: AtomicBool::new(false),
            metrics: metrics.rate_limits(),
        }
    }

    /// Tells the shared meters what they do not know yet, and ends the background work.
    pub async fn drain(&self, grace: Duration) {
        if let Some(shared) = &self.shared
            && tokio::time::timeout(grace, shared.flush()).await != Ok(true)
        {
            tracing::warn!("the places of the last requests could not be given back; they end by themselves");
        }
    }

    /// Whether the global policy counts requests, which is to be done before a key is looked up.
    #[must_use]
    pub fn counts_globally(&self) -> bool {
        self.global.as_ref().is_some_and(demand::counts_requests)
    }

    /// The pre-auth gate: addresses, and requests if `count`.
    ///
    /// # Errors
    /// When the global policy refuses, or nobody can say.
    pub async fn pre_auth(&self, client: IpAddr, count: bool, notes: &Notes) -> Result<Option<Lease>, Refusal> {
        let gate = Gate::PreAuth;
        self.plain(checks::address(gate, self.global.iter(), client, notes))?;
        let mut meters = Vec::new();
        if let Some(global) = self.global.as_ref().filter(|_| count) {
            demand::meters(global, Share::Requests, self.clock.now(), 0, &mut meters);
        }
        self.pass(gate, meters, notes).await
    }

    /// The early gate. `bytes` is the announced length of the body. `global_too` when the pre-auth gate left the global
    /// policy's requests to this one.
    ///
    /// # Errors
    /// When a scope refuses, or nobody can say.
    pub async fn early(
        &self,
        principal: &Principal,
        client: IpAddr,
        bytes: Option<u64>,
        global_too: bool,
        notes: &Notes,
    ) -> Result<Option<Lease>, Refusal> {
        let gate = Gate::Early;
        self.plain(checks::address(gate, principal.scopes.iter(), client, notes))?;
        if let Some(bytes) = bytes {
            self.body(principal, bytes, notes)?;
        }
        let mut meters = Vec::new();
        let now = self.clock.now();
        for scope in self.global.iter().filter(|_| global_too).chain(&principal.scopes) {
            demand::meters(scope, Share::Requests, now, 0, &mut meters);
        }
        self.pass(gate, meters, notes).await
    }

    /// Whether a body of so many bytes fits the scopes that are known before the model is.
    ///
    /// # Errors
    /// When a scope refuses.
    pub fn body(&self, principal: &Principal, bytes: u64, notes: &Notes) -> Result<(), Refusal> {
        self.plain(checks::payload(Gate::Early, self.global.iter().chain(&principal.scopes), bytes, notes))
    }

    /// How large a body may become, for one whose length was not announced.
    #[must_use]
    pub fn body_cap(&self, principal: &Principal) -> Option<BodyCap> {
        checks::body_cap(self.global.iter().chain(&principal.scopes))
    }

    /// The final gate.
    ///
    /// # Errors
    /// When a scope refuses, or nobody can say.
    pub async fn last(
        &self,
        principal: &Principal,
        target: &Target,
        client: IpAddr,
        wants: &Wants,
        notes: &Notes,
    ) -> Result<Option<Lease>, Refusal> {
        let scopes = || self.global.iter().chain(&principal.scopes).chain(&target.scope);
        self.plain(checks::address(Gate::Final, target.scope.iter(), client, notes))?;
        self.plain(checks::payload(Gate::Final, target.scope.iter(), wants.bytes, notes))?;
        if let Some(cap) = wants.output_cap {
            self.plain(checks::max_tokens(scopes(), cap, notes))?;
        }
        let mut meters = Vec::new();
        let now = self.clock.now();
        for scope in self.global.iter().chain(&principal.scopes) {
            demand::meters(scope, Share::Tokens, now, wants.tokens, &mut meters);
        }
        if let Some(scope) = &target.scope {
            demand::meters(scope, Share::All, now, wants.tokens, &mut meters);
        }
        self.pass(Gate::Final, meters, notes).await
    }

    /// Corrects what a request set aside to the tokens that it used. Does so once; whatever comes later is ignored.
    pub fn settle(&self, notes: &Notes, used: u64) {
        for Reserved { taken, shared } in notes.take_reserved() {
            let by = i64::try_from(used).unwrap_or(i64::MAX).saturating_sub(taken.by);
            let correction = Correction { by, ..taken };
            match &self.shared {
                _ if by == 0 => {}
                Some(meters) if shared => meters.correct(correction),
                _ => self.local.correct(&correction),
            }
        }
    }

    /// What the early and the final gate would say to a request that may use so many tokens, as things are. Takes nothing.
    ///
    /// # Errors
    /// When the hot store cannot say.
    pub async fn look(
        &self,
        principal: &Principal,
        target: Option<&Target>,
        tokens: u64,
    ) -> Result<Vec<LimitMark>, HotError> {
        let now = self.clock.now();
        let mut meters = Vec::new();
        let scopes = || self.global.iter().chain(&principal.scopes);
        scopes().for_each(|scope| demand::meters(scope, Share::Requests, now, 0, &mut meters));
        let early = meters.len();
        scopes().for_each(|scope| demand::meters(scope, Share::Tokens, now, tokens, &mut meters));
        if let Some(scope) = target.and_then(|target| target.scope.as_ref()) {
            demand::meters(scope, Share::All, now, tokens, &mut meters);
        }
        match &self.shared {
            Some(shared) if !meters.is_empty() => shared.look(&mut meters).await?,
            _ => self.local.look(&mut meters),
        }
        let gate = |index| if index < early { Gate::Early } else { Gate::Final };
        Ok(meters.iter().enumerate().map(|(index, meter)| Mark::of_meter(gate(index), meter).into()).collect())
    }

    /// One step on the meters of a gate. Costs nothing where nothing is limited.
    async fn pass(&self, gate: Gate, mut meters: Vec<Meter>, notes: &Notes) -> Result<Option<Lease>, Refusal> {
        if meters.is_empty() {
            return Ok(None);
        }
        let taken = match &self.shared {
            None => Some((None, self.local.take(&mut meters), false)),
            // Boxed, so that the future of a request stays small where there is no Redis.
            Some(shared) => match Box::pin(shared.take(&mut meters)).await {
                Ok((lease, at_us)) => {
                    self.is_back();
                    Some((lease, at_us, true))
                }
                Err(error) => self.without_shared(gate, error, &mut meters)?,
            },
        };
        let Some((shared_lease, at_us, shared)) = taken else { return Ok(None) };
        let refusal = notes.judge(gate, &meters);
        let shadowed = meters.iter().any(|meter| meter.shadow && !meter.has_room());
        for meter in meters.iter().filter(|meter| !meter.has_room()) {
            self.metrics.rejected(gate, meter.module.into(), meter.shadow);
        }
        self.metrics.decided(
            gate,
            if refusal.is_some() {
                Verdict::Deny
            } else if shadowed {
                Verdict::Shadow
            } else {
                Verdict::Pass
            },
        );
        if let Some(denial) = refusal {
            return Err(denial.into());
        }
        let took = |module| meters.iter().filter(move |meter| meter.module == module && meter.reading.taken);
        notes.reserve(took(Module::Tpm).map(|meter| Reserved {
            taken: Correction {
                counter: meter.counter,
                module: Module::Tpm,
                at_us,
                by: i64::try_from(meter.cost).unwrap_or(i64::MAX),
            },
            shared,
        }));
        let local: Vec<Counter> = took(Module::Concurrency).filter(|_| !shared).map(|meter| meter.counter).collect();
        let holds = shared_lease.is_some() || !local.is_empty();
        Ok(holds.then(|| Lease { local, meters: Arc::clone(&self.local), _shared: shared_lease }))
    }

    /// What is done when the shared meters cannot be asked.
    fn without_shared(
        &self,
        gate: Gate,
        error: HotError,
        meters: &mut [Meter],
    ) -> Result<Option<(Option<SharedLease>, i64, bool)>, Refusal> {
        // Once an outage, not once a request.
        if !self.away.swap(true, Ordering::AcqRel) {
            let then = match self.on_failure {
                FailureMode::Local => "each node counts by itself, at the same numbers",
                FailureMode::Open => "requests pass unlimited",
                FailureMode::Closed => "limited requests are refused with 503",
            };
            tracing::error!(%error, "rate limits cannot be counted in the hot store: {then} until it is back");
        }
        match self.on_failure {
            FailureMode::Local => {
                self.metrics.local(true);
                Ok(Some((None, self.local.take(meters), false)))
            }
            FailureMode::Open => {
                self.metrics.unmetered(gate, Unmetered::Open);
                Ok(None)
            }
            FailureMode::Closed => {
                self.metrics.unmetered(gate, Unmetered::Closed);
                Err(Refusal::Unavailable(error))
            }
        }
    }

    fn is_back(&self) {
        if self.away.load(Ordering::Acquire) && self.away.swap(false, Ordering::AcqRel) {
            self.metrics.local(false);
            tracing::info!("rate limits are counted in the hot store again");
        }
    }

    /// Turns the refusal of a check that needs no meter into a result, and counts it.
    fn plain(&self, refusal: Option<Denial>) -> Result<(), Refusal> {
        let Some(denial) = refusal else { return Ok(()) };
        self.metrics.rejected(denial.gate, denial.limit, false);
        self.metrics.decided(denial.gate, Verdict::Deny);
        Err(denial.into())
    }
}

/// What a request asks for, as far as limits care.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    /// Bytes of its body.
    pub bytes: u64,
    /// The cap on its answer that it asks for.
    pub output_cap: Option<u64>,
    /// Tokens that it may use: prompt and answers.
    pub tokens: u64,
}
