//! Budgets and quotas: exactly what fits is admitted, what is charged is what the records say, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use entity::pricing::{ClassPrices, Pricing};
use entity::row::{budget, ledger_lease, ledger_window};
use entity::vocab::{Enforcement, Metric, UsageSource};
use futures_util::StreamExt;
use odock_gateway::gateway::Gateway;
use odock_gateway::serve::Running;
use odock_gateway::store::ledger;
use odock_sim::Script;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, EntityTrait};
use serde_json::{Value, json};

use crate::support::{NewModel, TestGateway, eventually, stream};

/// A tenth of a cent for each token of output; the prompt costs nothing.
fn prices() -> Pricing {
    Pricing {
        output: ClassPrices { text_cost_per_1k_tokens: Some("1".parse().unwrap()), ..Default::default() },
        ..Default::default()
    }
}

/// A request whose answer has ten tokens and may have no more: a cent.
fn cent() -> Value {
    json!({ "model": "dear", "max_tokens": 10, "messages": [{ "role": "user", "content": "Say hello." }] })
}

async fn start() -> TestGateway {
    start_with(|_| {}).await
}

async fn start_with(configure: impl FnOnce(&mut odock_gateway::config::Config)) -> TestGateway {
    let gw = TestGateway::start_with(configure).await;
    gw.fleet.model(NewModel { pricing: Some(prices()), ..NewModel::named("dear") }).await;
    gw.sim.script(Script::default().usage(7, 10));
    gw
}

async fn window(gateway: &Gateway) -> ledger_window::Model {
    let rows = ledger_window::Entity::find().all(gateway.database.reader()).await.unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

/// Waits until nothing is under way or on lease, and sees that the books agree with the records to the nano.
async fn settled(gateway: &Gateway) {
    eventually("all leases to be given back", || async {
        let leases = ledger_lease::Entity::find().all(gateway.database.reader()).await.unwrap();
        (leases.is_empty() && gateway.usage.backlog().0 == 0).then_some(())
    })
    .await;
    let verified = ledger::verify(&gateway.database, None, None).await.unwrap();
    assert_eq!(verified.differences, [], "{verified:?}");
    assert!(verified.records > 0 && verified.windows > 0 && verified.rollups > 0, "{verified:?}");
}

/// Sends `clients` × `each` requests at once, spread over the addresses, and counts the answers by status.
async fn storm(gw: &TestGateway, addresses: &[String], clients: usize, each: usize) -> (usize, usize) {
    let (passed, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let (http, secret) = (gw.http.clone(), gw.fleet.secret.clone());
            let url = format!("{}/v1/chat/completions", addresses[client % addresses.len()]);
            let (passed, refused) = (Arc::clone(&passed), Arc::clone(&refused));
            tokio::spawn(async move {
                for _ in 0..each {
                    let answer = http.post(&url).bearer_auth(&secret).json(&cent()).send().await.unwrap();
                    match answer.status().as_u16() {
                        200 => passed.fetch_add(1, Ordering::Relaxed),
                        402 | 429 => refused.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}: {}", answer.text().await.unwrap()),
                    };
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    (passed.load(Ordering::Relaxed), refused.load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_clients_exactly_those_pass_whom_the_budget_affords() {
    let gw = start().await;
    gw.fleet.budget("team", "1.00", Enforcement::Standard).await;
    let address = gw.url("");
    assert_eq!(storm(&gw, &[address], 64, 4).await, (100, 156));
    settled(&gw.running.gateway).await;
    let window = window(&gw.running.gateway).await;
    assert_eq!((window.used, window.limit_value), (1_000_000_000, 1_000_000_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_clients_exactly_as_many_pass_as_the_quota_counts() {
    let gw = start().await;
    gw.fleet.quota("hundred", Metric::Requests, 100).await;
    let address = gw.url("");
    assert_eq!(storm(&gw, &[address], 64, 3).await, (100, 92));
    settled(&gw.running.gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_admit_what_one_would() {
    let gw = start().await;
    if !gw.stack.is_shared() {
        return;
    }
    gw.fleet.budget("shared", "1.00", Enforcement::Standard).await;
    let mut others = Vec::new();
    for node in ["b", "c"] {
        gw.stack.share_sealing_key(node);
        others.push(Running::start(Gateway::start(gw.stack.config(node)).await.unwrap()).await.unwrap());
    }
    let addresses: Vec<String> =
        std::iter::once(gw.url("")).chain(others.iter().map(|it| format!("http://{}", it.address))).collect();
    assert_eq!(storm(&gw, &addresses, 63, 4).await, (100, 152));
    settled(&gw.running.gateway).await;
    assert_eq!(window(&gw.running.gateway).await.used, 1_000_000_000);
}

#[tokio::test]
async fn a_refusal_names_the_budget_and_the_end_of_its_window() {
    let gw = start().await;
    gw.fleet.budget("search-monthly", "0.01", Enforcement::Standard).await;
    assert_eq!(gw.chat(&cent()).await.status, 200);
    let refused = gw.chat(&cent()).await;
    refused.expect_error(402, "budget_exceeded");
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("search-monthly") && message.contains("its window ends at 20"), "{message}");
    let record = gw.record(&refused.request_id()).await;
    assert_eq!((record.cost_nanos, record.dispatched), (None, false));
    let mark = &record.metadata.reservations[0];
    assert!(mark.refused && &*mark.name == "search-monthly" && mark.estimate == 10_000_000, "{mark:?}");
    let passed = gw.records().await.into_iter().find(|record| record.status == 200).unwrap();
    assert_eq!(passed.cost_nanos, Some(10_000_000));
    assert_eq!(passed.metadata.reservations[0].estimate, 10_000_000);
}

#[tokio::test]
async fn a_hard_budget_cuts_the_answer_to_what_is_left() {
    let gw = start().await;
    gw.fleet.budget("hard", "0.025", Enforcement::Hard).await;
    let wish = json!({ "model": "dear", "max_tokens": 1_000, "messages": [{ "role": "user", "content": "x" }] });
    let answer = gw.chat(&wish).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent: Value = serde_json::from_slice(&gw.sim.requests()[0].body).unwrap();
    assert_eq!(sent["max_tokens"], 25);
    assert_eq!(gw.record(&answer.request_id()).await.metadata.clamped_to, Some(25));
    // Nobody named a cap: the upstream is given one all the same.
    let open = json!({ "model": "dear", "messages": [{ "role": "user", "content": "x" }] });
    assert_eq!(gw.chat(&open).await.status, 200);
    let sent: Value = serde_json::from_slice(&gw.sim.requests()[1].body).unwrap();
    assert_eq!(sent["max_completion_tokens"], 15);
    assert_eq!(gw.chat(&open).await.status, 200);
    gw.chat(&open).await.expect_error(402, "budget_exceeded");
}

#[tokio::test]
async fn what_was_set_aside_and_not_used_is_given_back() {
    let gw = start().await;
    gw.fleet.budget("roomy", "0.05", Enforcement::Standard).await;
    gw.sim.script(Script::default().usage(7, 1));
    // Each could cost four cents and costs a tenth of one: one after the other all fit.
    let request = json!({ "model": "dear", "max_tokens": 40, "messages": [{ "role": "user", "content": "x" }] });
    for _ in 0..10 {
        assert_eq!(gw.chat(&request).await.status, 200);
    }
    // An upstream that cannot be used, and one that refuses, cost nothing.
    gw.sim.enqueue(Script::default().status(500));
    assert_eq!(gw.chat(&request).await.status, 500);
    settled(&gw.running.gateway).await;
    assert_eq!(window(&gw.running.gateway).await.used, 10 * 1_000_000);
}

#[tokio::test]
async fn who_leaves_before_the_answer_pays_what_it_may_have_come_to() {
    let gw = start().await;
    gw.fleet.budget("fair", "1", Enforcement::Standard).await;
    gw.sim.enqueue(Script::default().latency(Duration::from_secs(5)));
    let sending = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&cent());
    assert!(tokio::time::timeout(Duration::from_millis(500), sending.send()).await.is_err());
    let record = gw.only_record().await;
    assert_eq!((record.usage_source, record.cost_nanos), (UsageSource::Estimated, Some(10_000_000)));
    settled(&gw.running.gateway).await;
    assert_eq!(window(&gw.running.gateway).await.used, 10_000_000);
}

#[tokio::test]
async fn streams_are_charged_what_was_delivered() {
    let gw = start().await;
    gw.fleet.budget("streams", "10", Enforcement::Standard).await;
    gw.sim.enqueue(Script::default().text("word ").chunks(100).stall_after(10).no_usage());
    let request = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&stream("dear"));
    let mut body = request.send().await.unwrap().bytes_stream();
    let mut seen = String::new();
    while !seen.contains("word") {
        seen.push_str(std::str::from_utf8(&body.next().await.unwrap().unwrap()).unwrap());
    }
    drop(body);
    let record = gw.only_record().await;
    assert_eq!(record.usage_source, UsageSource::Estimated);
    assert!(record.cost_nanos.unwrap() > 0);
    settled(&gw.running.gateway).await;
    assert_eq!(window(&gw.running.gateway).await.used, record.cost_nanos.unwrap());
}

#[tokio::test]
async fn a_new_budget_begins_with_what_was_spent_and_an_edit_keeps_it() {
    let gw = start().await;
    for _ in 0..3 {
        assert_eq!(gw.chat(&cent()).await.status, 200);
    }
    eventually("three records", || async { (gw.records().await.len() == 3).then_some(()) }).await;
    let id = gw.fleet.budget("late", "0.04", Enforcement::Standard).await;
    assert_eq!(gw.chat(&cent()).await.status, 200);
    gw.chat(&cent()).await.expect_error(402, "budget_exceeded");
    let raise = |nanos: i64, revision: i64| budget::ActiveModel {
        id: Set(id),
        amount_nanos: Set(nanos),
        revision: Set(revision),
        ..Default::default()
    };
    raise(50_000_000, 2).update(gw.fleet.gateway.database.writer()).await.unwrap();
    gw.fleet.gateway.invalidate(&[gw.fleet.organisation.0]).await;
    assert_eq!(gw.chat(&cent()).await.status, 200);
    gw.chat(&cent()).await.expect_error(402, "budget_exceeded");
    raise(1_000_000_000, 3).update(gw.fleet.gateway.database.writer()).await.unwrap();
    gw.fleet.gateway.invalidate(&[gw.fleet.organisation.0]).await;
    assert_eq!(gw.chat(&cent()).await.status, 200);
    // Lowered while the node holds far more: what is free of it is given back before the next request.
    raise(60_000_000, 4).update(gw.fleet.gateway.database.writer()).await.unwrap();
    gw.fleet.gateway.invalidate(&[gw.fleet.organisation.0]).await;
    gw.chat(&cent()).await.expect_error(402, "budget_exceeded");
    settled(&gw.running.gateway).await;
    let window = window(&gw.running.gateway).await;
    assert_eq!((window.used, window.limit_value), (60_000_000, 60_000_000));
}

#[tokio::test]
async fn errors_are_counted_afterwards() {
    let gw = start().await;
    gw.fleet.quota("patience", Metric::Errors, 2).await;
    for _ in 0..2 {
        gw.sim.enqueue(Script::default().status(500));
        assert_eq!(gw.chat(&cent()).await.status, 500);
    }
    gw.chat(&cent()).await.expect_error(429, "quota_exceeded");
    settled(&gw.running.gateway).await;
    assert_eq!(window(&gw.running.gateway).await.used, 2);
}

#[tokio::test]
async fn thresholds_are_raised_once() {
    let gw = start_with(|config| config.ledger.worker_interval = Duration::from_millis(100)).await;
    gw.fleet.budget("watched", "0.04", Enforcement::Standard).await;
    for _ in 0..4 {
        assert_eq!(gw.chat(&cent()).await.status, 200);
    }
    let events =
        || async { entity::row::ledger_event::Entity::find().all(gw.running.gateway.database.reader()).await.unwrap() };
    eventually("both thresholds", || async { (events().await.len() == 2).then_some(()) }).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut thresholds: Vec<i32> = events().await.iter().map(|event| event.threshold).collect();
    thresholds.sort_unstable();
    assert_eq!(thresholds, [50, 100]);
}
