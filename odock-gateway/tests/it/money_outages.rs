//! Bad days for money: a database, a Redis, or both, that are gone for a while under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use entity::row::{ledger_window, usage_record};
use entity::vocab::{Enforcement, Outcome};
use odock_gateway::config::{Config, DatabaseUrl, FailureMode};
use odock_gateway::gateway::Gateway;
use odock_gateway::serve::Running;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use crate::money_days::{cent, settled, with_model};
use crate::support::{PostgresServer, RedisServer, TestGateway, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_for_longer_than_a_lease_nothing_is_lost_and_nothing_passed() {
    if std::env::var("ODOCK_TEST_STACK").as_deref() != Ok("servers") {
        return;
    }
    let Some(mut server) = PostgresServer::start().await else { return };
    let gw = TestGateway::start_with(|config| {
        config.database.url = DatabaseUrl::parse(&server.url()).unwrap();
        config.ledger.lease_ttl = Duration::from_secs(2);
    })
    .await;
    with_model(&gw).await;
    gw.fleet.budget("month", "3", Enforcement::Standard).await;
    let (passed, refused, down) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    // Eight clients that never stop, before, during and after.
    let storm = |until: Duration| {
        let (gw, passed, refused, down) = (&gw, &passed, &refused, &down);
        async move {
            let end = tokio::time::Instant::now() + until;
            let client = |_| async {
                while tokio::time::Instant::now() < end {
                    let answer = gw.chat(&cent()).await;
                    match answer.status {
                        200 => drop(passed.fetch_add(1, Ordering::Relaxed)),
                        503 => {
                            // Only while nobody can say what is left, or has just begun to again.
                            assert!(down.load(Ordering::Relaxed), "{}", answer.text());
                            answer.expect_error(503, "overloaded");
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        other => panic!("{other}: {}", answer.text()),
                    }
                    tokio::time::sleep(Duration::from_millis(150)).await;
                }
            };
            futures_util::future::join_all((0..8).map(client)).await;
        }
    };
    storm(Duration::from_millis(300)).await;
    let before = passed.load(Ordering::Relaxed);
    down.store(true, Ordering::Relaxed);
    // What is on lease is spent on; when the lease is over, nobody can say any more what is left.
    let outage = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.crash();
    };
    tokio::join!(storm(Duration::from_secs(20)), outage);
    let on_lease = passed.load(Ordering::Relaxed) - before;
    let refusals = refused.load(Ordering::Relaxed);
    assert!(before > 0 && on_lease > 0 && refusals > 0, "{before}, {on_lease} on the lease, {refusals} refused");
    server.start_again().await;
    let mut passed = passed.into_inner();
    eventually("requests to pass again", || async { (gw.chat(&cent()).await.status == 200).then_some(()) }).await;
    passed += 1;
    // To the end of the budget: exactly three hundred in all.
    let refusals = loop {
        match gw.chat(&cent()).await.status {
            200 => passed += 1,
            402 => break gw.records().await.len(),
            503 => tokio::time::sleep(Duration::from_millis(50)).await,
            other => panic!("{other}"),
        }
    };
    assert_eq!(passed, 300, "{refusals} records");
    settled(&gw.running.gateway).await;
    let window = ledger_window::Entity::find().one(gw.running.gateway.database.reader()).await.unwrap().unwrap();
    assert_eq!(window.used, 3_000_000_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_goes_and_comes_back_under_load_and_the_budget_is_spent_to_the_cent() {
    let Some(mut server) = RedisServer::start().await else { return };
    let policy = json!({"ratelimit":{"requests":{"per_minute":1_000_000},"concurrency":{"max":1_000}}});
    let on_redis = |config: &mut Config| {
        config.redis = Some(server.settings());
        config.limits.global_policy = Some(serde_json::from_value(policy.clone()).unwrap());
        config.limits.failure_mode = FailureMode::Local;
    };
    let gw = TestGateway::start_with(on_redis).await;
    with_model(&gw).await;
    gw.fleet.budget("month", "3", Enforcement::Standard).await;
    let mut urls = vec![gw.url("/v1/chat/completions")];
    // A second node, where two can share a database: they ask each other over Redis, as long as there is one.
    let other = if gw.stack.is_shared() {
        gw.stack.share_sealing_key("b");
        let mut config = gw.stack.config("b");
        on_redis(&mut config);
        let running = Running::start(Gateway::start(config).await.unwrap()).await.unwrap();
        urls.push(format!("http://{}/v1/chat/completions", running.address));
        Some(running)
    } else {
        None
    };
    let passed = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|client: usize| {
            let (http, secret, url) = (gw.http.clone(), gw.fleet.secret.clone(), urls[client % urls.len()].clone());
            let passed = Arc::clone(&passed);
            tokio::spawn(async move {
                loop {
                    let answer = http.post(&url).bearer_auth(&secret).json(&cent()).send().await.unwrap();
                    match answer.status().as_u16() {
                        200 => passed.fetch_add(1, Ordering::SeqCst),
                        402 => return,
                        // Without Redis a node cannot ask the other for what it has not used.
                        503 => passed.load(Ordering::SeqCst),
                        other => panic!("{other}: {}", answer.text().await.unwrap()),
                    };
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        })
        .collect();
    let reached = |count: usize| {
        let passed = Arc::clone(&passed);
        async move {
            eventually("the load", || async { (passed.load(Ordering::SeqCst) >= count).then_some(()) }).await;
        }
    };
    reached(40).await;
    server.stop().await;
    reached(120).await;
    server.start_again().await;
    for client in clients {
        client.await.unwrap();
    }
    settled(&gw.running.gateway).await;
    let window = ledger_window::Entity::find().one(gw.running.gateway.database.reader()).await.unwrap().unwrap();
    let passed = passed.load(Ordering::SeqCst);
    assert_eq!((passed, window.used), (300, 3_000_000_000));
    drop(other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_database_and_redis_at_once_two_nodes_spend_the_budget_to_the_cent() {
    if std::env::var("ODOCK_TEST_STACK").as_deref() != Ok("servers") {
        return;
    }
    let (Some(mut postgres), Some(mut redis)) = (PostgresServer::start().await, RedisServer::start().await) else {
        return;
    };
    let configure = |config: &mut Config| {
        config.database.url = DatabaseUrl::parse(&postgres.url()).unwrap();
        config.redis = Some(redis.settings());
        config.ledger.lease_ttl = Duration::from_secs(2);
        config.limits.failure_mode = FailureMode::Local;
        let policy = json!({"ratelimit": {"requests": {"per_minute": 1_000_000}, "concurrency": {"max": 1_000}}});
        config.limits.global_policy = Some(serde_json::from_value(policy).unwrap());
    };
    let gw = TestGateway::start_with(configure).await;
    with_model(&gw).await;
    gw.fleet.budget("month", "3", Enforcement::Standard).await;
    gw.stack.share_sealing_key("b");
    let mut config = gw.stack.config("b");
    configure(&mut config);
    let other = Running::start(Gateway::start(config).await.unwrap()).await.unwrap();
    let urls = [gw.url("/v1/chat/completions"), format!("http://{}/v1/chat/completions", other.address)];
    let (passed, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Eight clients that go on until the budget is spent, whatever else they hear.
    let clients: Vec<_> = (0..8)
        .map(|client: usize| {
            let (http, secret, url) = (gw.http.clone(), gw.fleet.secret.clone(), urls[client % 2].clone());
            let (passed, refused) = (Arc::clone(&passed), Arc::clone(&refused));
            tokio::spawn(async move {
                loop {
                    let answer = http.post(&url).bearer_auth(&secret).json(&cent()).send().await.unwrap();
                    match answer.status().as_u16() {
                        200 => passed.fetch_add(1, Ordering::SeqCst),
                        402 => return,
                        503 => refused.fetch_add(1, Ordering::SeqCst),
                        other => panic!("{other}: {}", answer.text().await.unwrap()),
                    };
                    tokio::time::sleep(Duration::from_millis(150)).await;
                }
            })
        })
        .collect();
    eventually("the load", || async { (passed.load(Ordering::SeqCst) >= 16).then_some(()) }).await;
    postgres.crash();
    tokio::time::sleep(Duration::from_secs(5)).await;
    redis.stop().await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    redis.start_again().await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let before = passed.load(Ordering::SeqCst);
    assert!(before < 300 && refused.load(Ordering::SeqCst) > 0, "{before} passed: nobody waited for the database");
    postgres.start_again().await;
    for client in clients {
        client.await.unwrap();
    }
    other.stop().await;
    settled(&gw.running.gateway).await;
    let db = gw.running.gateway.database.reader();
    let window = ledger_window::Entity::find().one(db).await.unwrap().unwrap();
    assert_eq!((passed.load(Ordering::SeqCst), window.used), (300, 3_000_000_000));
    let served =
        usage_record::Entity::find().filter(usage_record::Column::Outcome.eq(Outcome::Ok)).all(db).await.unwrap();
    let requests: std::collections::HashSet<_> = served.iter().map(|record| &record.request_id).collect();
    assert_eq!((served.len(), requests.len()), (300, 300), "each request has one record");
}
