//! What a call is billed, and what it takes of limits and budgets, is that of the model that serves it.

use entity::policy::Policies;
use entity::pricing::{ClassPrices, Pricing};
use entity::row::{api_key, ledger_lease, ledger_window};
use entity::vocab::{Enforcement, Metric, RoutingDecision};
use odock_gateway::store::ledger;
use odock_sim::{Script, Sim};
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::{NewModel, Routed, TestGateway, chat, eventually, failed, served, skipped};

/// So many USD for a thousand tokens of output; the prompt costs nothing.
fn price(usd: &str) -> Pricing {
    let output = ClassPrices { text_cost_per_1k_tokens: Some(usd.parse().unwrap()), ..Default::default() };
    Pricing { output, ..Default::default() }
}

fn ten_tokens(model: &str) -> Value {
    json!({ "model": model, "max_tokens": 10, "messages": [{ "role": "user", "content": "Say hello." }] })
}

/// `cheap` costs a cent for ten tokens and goes on to `dear`, which costs ten.
async fn start() -> (TestGateway, Sim) {
    let gw = TestGateway::start().await;
    let elsewhere = Sim::start().await;
    let provider = gw.fleet.another_provider("elsewhere", elsewhere.base_url()).await;
    gw.fleet.model(NewModel { pricing: Some(price("1")), ..NewModel::named("cheap") }).await;
    let dear = NewModel { pricing: Some(price("10")), provider: Some(provider), ..NewModel::named("dear") };
    gw.fleet.model(dear).await;
    gw.fleet.route(json!({"chat": {"nativeFallback": {"openai": ["dear"]}, "retryDelayMs": 1, "maxRetries": 1}})).await;
    gw.sim.script(Script::default().usage(7, 10));
    elsewhere.script(Script::default().usage(7, 10));
    (gw, elsewhere)
}

async fn used(gw: &TestGateway) -> i64 {
    let gateway = &gw.running.gateway;
    eventually("all leases to be given back", || async {
        let leases = ledger_lease::Entity::find().all(gateway.database.reader()).await.unwrap();
        (leases.is_empty() && gateway.usage.backlog().0 == 0).then_some(())
    })
    .await;
    let verified = ledger::verify(&gateway.database, None, None).await.unwrap();
    assert_eq!(verified.differences, [], "{verified:?}");
    ledger_window::Entity::find().one(gateway.database.reader()).await.unwrap().map_or(0, |window| window.used)
}

#[tokio::test]
async fn a_call_is_billed_by_the_model_that_served_it() {
    let (gw, _elsewhere) = start().await;
    gw.fleet.budget("team", "1.00", Enforcement::Standard).await;
    gw.sim.enqueue(Script::default().status(500).body(json!({})));
    let answer = gw.chat(&ten_tokens("cheap")).await;
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.model.as_deref(), record.cost_nanos), (Some("dear"), Some(100_000_000)));
    let answer = gw.chat(&ten_tokens("cheap")).await;
    assert_eq!(gw.record(&answer.request_id()).await.cost_nanos, Some(10_000_000));
    assert_eq!(used(&gw).await, 110_000_000);
}

#[tokio::test]
async fn what_is_set_aside_is_enough_for_the_dearest_candidate() {
    let (gw, _elsewhere) = start().await;
    gw.fleet.budget("team", "1.00", Enforcement::Standard).await;
    let answer = gw.chat(&ten_tokens("cheap")).await;
    let reservations = gw.record(&answer.request_id()).await.metadata.reservations;
    assert_eq!(reservations[0].estimate, 100_000_000, "{reservations:?}");
    assert_eq!(used(&gw).await, 10_000_000);
}

#[tokio::test]
async fn a_backup_that_the_budget_does_not_pay_for_is_not_called() {
    for enforcement in [Enforcement::Standard, Enforcement::Hard] {
        let (gw, elsewhere) = start().await;
        gw.fleet.budget("small", "0.05", enforcement).await;
        let answer = gw.chat(&ten_tokens("cheap")).await;
        assert_eq!(answer.status, 200, "a dear backup is no reason to refuse: {}", answer.text());
        gw.sim.script(Script::default().status(500).body(json!({"error": {"message": "down"}})));
        let answer = gw.chat(&ten_tokens("cheap")).await;
        assert_eq!((answer.status, answer.json()["error"]["message"].as_str()), (500, Some("down")));
        let attempts = gw.record(&answer.request_id()).await.routing.attempts;
        let errors: Vec<_> = attempts.iter().map(|it| (it.model.as_str(), it.error.as_deref())).collect();
        assert_eq!(errors[..2], [("cheap", Some("5xx")), ("dear", Some("budget_exceeded"))]);
        assert_eq!(elsewhere.requests().len(), 0);
        assert_eq!(used(&gw).await, 10_000_000);
    }
}

#[tokio::test]
async fn a_request_counts_once_however_often_it_is_tried() {
    let (gw, _elsewhere) = start().await;
    gw.fleet.quota("three", Metric::Requests, 3).await;
    for _ in 0..3 {
        gw.sim.enqueue(Script::default().status(500).body(json!({})));
        assert_eq!(gw.chat(&ten_tokens("cheap")).await.status, 200);
    }
    gw.chat(&ten_tokens("cheap")).await.expect_error(429, "quota_exceeded");
    assert_eq!(used(&gw).await, 3);
}

#[tokio::test]
async fn the_limits_are_those_of_the_model_that_serves() {
    let routed = Routed::start_with(|_| {}, json!({"nativeFallback": {"openai": ["narrow"]}, "maxRetries": 1})).await;
    let policies: Policies = serde_json::from_value(json!({"ratelimit": {
        "requests": {"per_minute": 2}, "tokens": {"per_minute": 1_000}, "concurrency": {"max": 1},
    }}))
    .unwrap();
    routed.gw.fleet.model(NewModel { policies: Some(policies), ..NewModel::named("narrow") }).await;
    let broken = || Script::default().status(500).body(json!({}));
    for _ in 0..2 {
        routed.gw.sim.enqueue(broken());
        let answer = routed.gw.chat(&chat("fast")).await;
        assert_eq!(routed.way(&answer).await.1, [failed("fast", "5xx", Some(500)), served("narrow")]);
    }
    routed.gw.sim.enqueue(broken());
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!(answer.status, 200);
    let way = routed.way(&answer).await;
    let tried = vec![failed("fast", "5xx", Some(500)), skipped("narrow", "rpm_exceeded"), served("fast")];
    assert_eq!(way, (RoutingDecision::Direct, tried), "its minute is full, so the first is tried again");
    routed.is_quiet().await;
}

#[tokio::test]
async fn what_the_first_model_had_set_aside_is_given_back() {
    let routed = Routed::start().await;
    let policies: Policies =
        serde_json::from_value(json!({"ratelimit": {"tokens": {"per_minute": 100}, "concurrency": {"max": 1}}}))
            .unwrap();
    let first = NewModel { policies: Some(policies), ..NewModel::named("first") };
    routed.gw.fleet.model(first).await;
    let ask = json!({"model": "first", "max_tokens": 80, "messages": [{"role": "user", "content": "hi"}]});
    for _ in 0..3 {
        routed.gw.sim.enqueue(Script::default().status(500).body(json!({})));
        let answer = routed.gw.chat(&ask).await;
        assert_eq!(routed.way(&answer).await.1[1], served("backup"), "its tokens would not last for two");
    }
}

#[tokio::test]
async fn a_key_keeps_its_place_when_its_call_goes_on_to_another_model() {
    let routed = Routed::start().await;
    let gw = &routed.gw;
    let one = || -> Policies { serde_json::from_value(json!({"ratelimit": {"concurrency": {"max": 1}}})).unwrap() };
    gw.fleet.model(NewModel { policies: Some(one()), ..NewModel::named("first") }).await;
    let change = api_key::ActiveModel { policies: Set(Some(one())), ..Default::default() };
    gw.fleet.change_key(change).await;
    gw.sim.enqueue(Script::default().status(500).body(json!({})));
    routed.backup.enqueue(Script::default().stall_before_headers());
    let ask = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&chat("first"));
    let stalled = tokio::spawn(ask.send());
    routed.backup.wait_for_requests(1).await;
    gw.chat(&chat("fast")).await.expect_error(429, "concurrency_exceeded");
    stalled.abort();
    eventually("both places", || async { (gw.chat(&chat("first")).await.status == 200).then_some(()) }).await;
    routed.is_quiet().await;
}
