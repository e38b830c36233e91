//! A gateway whose key has somewhere else to go.

use entity::ModelId;
use entity::vocab::{AttemptOutcome, RoutingDecision};
use odock_gateway::config::Config;
use odock_sim::Sim;
use serde_json::{Value, json};

use super::{Answer, NewModel, TestGateway, eventually};

/// A gateway with two providers: `fast` at the first, and `backup` at the second, to which calls of `fast` go on.
pub(crate) struct Routed {
    pub(crate) gw: TestGateway,
    pub(crate) backup: Sim,
    pub(crate) backup_model: ModelId,
}

/// What a record says of one attempt: model, outcome, error, status.
pub(crate) type Tried = (String, AttemptOutcome, Option<String>, Option<u16>);

impl Routed {
    /// With the usual policy.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}, json!({})).await
    }

    /// With another configuration, and a policy that says more than the usual one.
    pub(crate) async fn start_with(configure: impl FnOnce(&mut Config), more: Value) -> Self {
        let gw = TestGateway::start_with(configure).await;
        let backup = Sim::start().await;
        let provider = gw.fleet.another_provider("elsewhere", backup.base_url()).await;
        let backup_model = gw.fleet.model(NewModel { provider: Some(provider), ..NewModel::named("backup") }).await;
        let routed = Self { gw, backup, backup_model };
        routed.policy(more).await;
        routed
    }

    /// Gives the key another policy.
    pub(crate) async fn policy(&self, more: Value) {
        let mut policy = json!({ "nativeFallback": { "openai": ["backup"] }, "retryDelayMs": 1 });
        for (name, value) in more.as_object().unwrap() {
            policy[name] = value.clone();
        }
        self.gw.fleet.route(json!({ "chat": policy })).await;
    }

    /// What the record of an answer says of its way: the decision, and each attempt.
    pub(crate) async fn way(&self, answer: &Answer) -> (RoutingDecision, Vec<Tried>) {
        let routing = self.gw.record(&answer.request_id()).await.routing;
        let tried = routing.attempts.into_iter().map(|it| (it.model, it.outcome, it.error, it.status));
        (routing.decision, tried.collect())
    }

    /// Waits until nothing is under way: no place, no hold, no request.
    pub(crate) async fn is_quiet(&self) {
        let gateway = &self.gw.running.gateway;
        eventually("everything to be given back", || async {
            let under_way = gateway.in_flight.load(std::sync::atomic::Ordering::Relaxed);
            (under_way == 0 && gateway.ledger.requests_under_way() == 0 && gateway.streams.is_empty()).then_some(())
        })
        .await;
    }
}

/// An attempt that failed.
pub(crate) fn failed(model: &str, error: &str, status: Option<u16>) -> Tried {
    (model.into(), AttemptOutcome::Failed, Some(error.into()), status)
}

/// An attempt that was answered with success.
pub(crate) fn served(model: &str) -> Tried {
    (model.into(), AttemptOutcome::Ok, None, Some(200))
}

/// A candidate that was not called.
pub(crate) fn skipped(model: &str, error: &str) -> Tried {
    (model.into(), AttemptOutcome::Skipped, Some(error.into()), None)
}
