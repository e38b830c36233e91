//! The breakers of this node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use entity::health::BreakerStatus;
use entity::{ModelId, OrganisationId, ProviderId, Timestamp};
use uuid::Uuid;

use super::breaker::{Admission, Breaker, Subject, Verdict};
use super::pace::Pace;
use crate::clock::Clock;
use crate::config;
use crate::models::{KeyRef, Target};
use crate::telemetry::metrics::{Metrics, RoutingMetrics};

/// Breakers at which those are forgotten that nobody uses and that have nothing to tell.
const MANY: usize = 10_000;

/// How the upstreams of this node's calls have been doing.
pub struct Health {
    settings: config::Routing,
    breakers: DashMap<(Uuid, ModelId), Arc<Breaker>>,
    clock: Arc<dyn Clock>,
    metrics: Arc<RoutingMetrics>,
}

impl Health {
    /// Knows of no trouble yet.
    pub fn new(settings: config::Routing, clock: Arc<dyn Clock>, metrics: &Metrics) -> Self {
        Self { settings, breakers: DashMap::new(), clock, metrics: metrics.routing() }
    }

    /// Whether a call may go to an upstream.
    pub fn admit(&self, target: &Target) -> Admission {
        let breaker = self.breaker(target);
        if breaker.is_untroubled() {
            return Admission::Free;
        }
        breaker.admit(self.clock.now())
    }

    /// When an upstream's rest ends, if it rests.
    pub fn rests_until(&self, target: &Target) -> Option<Timestamp> {
        self.breaker(target).rests_until(self.clock.now())
    }

    /// Takes note of what a call says of its upstream.
    pub fn hear(&self, target: &Target, verdict: Verdict) {
        let breaker = self.breaker(target);
        if verdict == Verdict::Well && breaker.is_untroubled() {
            return;
        }
        breaker.hear(verdict, self.clock.now(), &self.settings);
    }

    /// Takes note of how long an upstream took to answer, or until it was given up.
    pub fn took(&self, target: &Target, stream: bool, span: Duration) {
        self.breaker(target).pace.get_or_init(Pace::default).took(stream, span);
    }

    /// How long so many percent of an upstream's latest answers took at the most; `None` while too few are known.
    pub fn percentile(&self, target: &Target, stream: bool, percent: u8) -> Option<Duration> {
        self.breaker(target).pace.get()?.percentile(stream, percent)
    }

    /// The upstreams of which anything but success is known, of one organisation or of all.
    pub fn troubled(&self, of: Option<OrganisationId>) -> Vec<BreakerStatus> {
        self.find(|subject| of.is_none_or(|organisation| subject.organisation == organisation))
    }

    /// The same, by organisation.
    pub fn by_organisation(&self) -> HashMap<OrganisationId, Vec<BreakerStatus>> {
        let now = self.clock.now();
        let mut all: HashMap<OrganisationId, Vec<BreakerStatus>> = HashMap::new();
        for breaker in self.breakers.iter().filter(|breaker| !breaker.is_untroubled()) {
            all.entry(breaker.subject.organisation).or_default().push(breaker.status(now));
        }
        all.values_mut().for_each(|some| in_order(some));
        all
    }

    /// The models of a provider of which anything but success is known.
    pub fn of_provider(&self, provider: ProviderId) -> Vec<BreakerStatus> {
        self.find(|subject| subject.provider_id == provider)
    }

    fn find(&self, concerns: impl Fn(&Subject) -> bool) -> Vec<BreakerStatus> {
        let now = self.clock.now();
        let breakers = self.breakers.iter();
        let troubled = breakers.filter(|breaker| !breaker.is_untroubled() && concerns(&breaker.subject));
        let mut troubled: Vec<BreakerStatus> = troubled.map(|breaker| breaker.status(now)).collect();
        in_order(&mut troubled);
        troubled
    }

    fn breaker<'t>(&self, target: &'t Target) -> &'t Arc<Breaker> {
        target.breaker.get_or_init(|| {
            if self.breakers.len() >= MANY {
                self.breakers.retain(|_, breaker| Arc::strong_count(breaker) > 1 || !breaker.is_untroubled());
            }
            let credential = match &target.key {
                Ok(KeyRef::Sealed(id, _)) => id.0,
                _ => target.provider_id.0,
            };
            let breaker = self.breakers.entry((credential, target.model_id));
            Arc::clone(&breaker.or_insert_with(|| Arc::new(Breaker::new(subject(target), Arc::clone(&self.metrics)))))
        })
    }
}

fn in_order(breakers: &mut [BreakerStatus]) {
    breakers.sort_by(|a, b| (&a.provider, &a.model).cmp(&(&b.provider, &b.model)));
}

fn subject(target: &Target) -> Subject {
    Subject {
        organisation: target.organisation_id,
        provider_id: target.provider_id,
        provider: target.provider.clone(),
        provider_type: target.provider_type.as_str(),
        model_id: target.model_id,
        model: target.model.clone(),
    }
}
