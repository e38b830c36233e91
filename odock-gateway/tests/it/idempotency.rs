//! Idempotency keys: what is repeated is not made twice, and gets the first one's answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entity::pricing::{ClassPrices, Pricing};
use entity::row::{ledger_lease, ledger_window};
use entity::vocab::{Enforcement, Outcome as Ended, UsageSource};
use odock_gateway::gateway::Gateway;
use odock_gateway::hot::once::{Begun, Claim, Outcome};
use odock_gateway::hot::{HotStore, MemoryStore};
use odock_gateway::serve::Running;
use odock_gateway::store::ledger;
use odock_sim::Script;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::ledger_crash::Node;
use crate::support::{Answer, NewModel, RedisServer, TestGateway, chat, eventually, stream};

async fn send(gw: &TestGateway, key: &str, body: &Value) -> Answer {
    send_to(gw, &gw.url(""), key, body).await
}

async fn send_to(gw: &TestGateway, address: &str, key: &str, body: &Value) -> Answer {
    let request = gw.http.post(format!("{address}/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(body);
    TestGateway::send(request.header("idempotency-key", key)).await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

/// What callers of either store rely on.
async fn contract(store: Arc<dyn HotStore>) {
    const MINUTE: Duration = Duration::from_secs(60);
    let claim = |owner: &'static str, what: u8, lease| Claim { owner, fingerprint: [what; 32], lease, ttl: MINUTE };
    let begin = |key: &'static str, owner, what| {
        let store = Arc::clone(&store);
        async move { store.begin(key, claim(owner, what, MINUTE)).await.unwrap() }
    };
    let all = futures_util::future::join_all((0..50).map(|_| begin("many", "a", 1))).await;
    assert_eq!(all.iter().filter(|begun| **begun == Begun::Fresh).count(), 1, "one of many is the first");

    assert_eq!(begin("k", "a", 1).await, Begun::Fresh);
    assert_eq!(begin("k", "b", 1).await, Begun::InProgress("a".into()));
    assert_eq!(begin("k", "b", 2).await, Begun::Other("a".into()));
    assert_eq!(begin("l", "b", 2).await, Begun::Fresh, "another key is another claim");
    // Only the owner ends a claim.
    store.release("k", "b").await.unwrap();
    store.finish("k", "b", &Outcome::Unknown, MINUTE).await.unwrap();
    assert_eq!(begin("k", "c", 1).await, Begun::InProgress("a".into()));
    let answer = Bytes::from_static(b"\0any \xff bytes");
    store.finish("k", "a", &Outcome::Kept(answer.clone()), MINUTE).await.unwrap();
    assert_eq!(begin("k", "c", 1).await, Begun::Kept(answer.clone()));
    assert_eq!(begin("k", "c", 2).await, Begun::Other("a".into()));
    store.release("k", "a").await.unwrap();
    assert_eq!(begin("k", "c", 1).await, Begun::Kept(answer), "what has an outcome is not given up");

    store.release("l", "b").await.unwrap();
    assert_eq!(begin("l", "d", 3).await, Begun::Fresh);
    store.finish("l", "d", &Outcome::NotKept, MINUTE).await.unwrap();
    assert_eq!(begin("l", "e", 3).await, Begun::NotKept("d".into()));
    assert_eq!(begin("m", "f", 1).await, Begun::Fresh);
    store.finish("m", "f", &Outcome::Unknown, Duration::from_millis(1)).await.unwrap();
    eventually("an outcome to be forgotten", || async { (begin("m", "g", 1).await == Begun::Fresh).then_some(()) })
        .await;

    // Nobody ends this one: its owner is dead.
    assert_eq!(store.begin("n", claim("h", 1, Duration::from_millis(1))).await.unwrap(), Begun::Fresh);
    eventually("the lease to end", || async { (begin("n", "i", 1).await == Begun::Unknown("h".into())).then_some(()) })
        .await;
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    contract(Arc::new(MemoryStore::default())).await;
}

#[tokio::test]
async fn redis_keeps_the_contract() {
    let Some(server) = RedisServer::start().await else { return };
    contract(crate::hot::redis(&server).await).await;
}

#[tokio::test]
async fn answers_that_had_to_go_let_no_request_be_made_again() {
    let store = MemoryStore::default();
    let claim =
        |owner| Claim { owner, fingerprint: [0; 32], lease: Duration::from_secs(60), ttl: Duration::from_secs(60) };
    let big = Bytes::from(vec![b'x'; 1 << 20]);
    for number in 0..100 {
        let key = format!("k{number}");
        assert_eq!(store.begin(&key, claim("a")).await.unwrap(), Begun::Fresh);
        store.finish(&key, "a", &Outcome::Kept(big.clone()), Duration::from_secs(60)).await.unwrap();
    }
    // 64 MiB hold 64 of them at the most, once the cache has caught up.
    eventually("old answers to go", || async {
        let mut gone = 0;
        for number in 0..100 {
            match store.begin(&format!("k{number}"), claim("b")).await.unwrap() {
                Begun::Kept(_) => {}
                Begun::NotKept(_) => gone += 1,
                other => panic!("{other:?}"),
            }
        }
        (gone >= 36).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_costs_nothing() {
    let gw = TestGateway::start().await;
    let output = ClassPrices { text_cost_per_1k_tokens: Some("1".parse().unwrap()), ..Default::default() };
    let pricing = Some(Pricing { output, ..Default::default() });
    gw.fleet.model(NewModel { pricing, ..NewModel::named("dear") }).await;
    gw.fleet.budget("month", "1", Enforcement::Hard).await;
    gw.sim.script(Script::default().usage(7, 10));
    let first = send(&gw, "order-1", &chat("dear")).await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert!(!is_replayed(&first));
    let again = send(&gw, "order-1", &chat("dear")).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert!(is_replayed(&again));
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    assert_ne!(again.request_id(), first.request_id());
    assert_eq!(gw.sim.requests().len(), 1);
    assert_eq!(
        gw.sim.requests()[0].header("idempotency-key"),
        None,
        "keys of callers who share an account do not meet"
    );
    let record = gw.record(&again.request_id()).await;
    assert_eq!((record.outcome, record.status, record.dispatched), (Ended::Ok, 200, false));
    assert_eq!((record.usage_source, record.cost_nanos), (UsageSource::Missing, None));
    assert_eq!(record.metadata.replay_of, Some(first.request_id()));
    assert_eq!(record.endpoint, "/v1/chat/completions");
    // A third time, and without the key.
    assert!(is_replayed(&send(&gw, "order-1", &chat("dear")).await));
    assert!(!is_replayed(&gw.chat(&chat("dear")).await));
    assert_eq!(gw.sim.requests().len(), 2);
    let gateway = &gw.running.gateway;
    eventually("all leases to be given back", || async {
        let leases = ledger_lease::Entity::find().all(gateway.database.reader()).await.unwrap();
        (leases.is_empty() && gateway.usage.backlog().0 == 0).then_some(())
    })
    .await;
    let windows = ledger_window::Entity::find().all(gateway.database.reader()).await.unwrap();
    assert_eq!(windows.iter().map(|window| window.used).collect::<Vec<_>>(), [20_000_000]);
    assert_eq!(ledger::verify(&gateway.database, None, None).await.unwrap().differences, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_at_once_one_is_sent() {
    let gw = Arc::new(TestGateway::start().await);
    let mut addresses = vec![gw.url("")];
    let mut others = Vec::new();
    if gw.stack.is_shared() {
        gw.stack.share_sealing_key("b");
        let other = Running::start(Gateway::start(gw.stack.config("b")).await.unwrap()).await.unwrap();
        addresses.push(format!("http://{}", other.address));
        others.push(other);
    }
    gw.sim.script(Script::default().latency(Duration::from_millis(300)));
    let sending = (0..64).map(|number| {
        let (gw, address) = (Arc::clone(&gw), addresses[number % addresses.len()].clone());
        tokio::spawn(async move { send_to(&gw, &address, "once", &chat("fast")).await })
    });
    let mut whole = Vec::new();
    for answer in futures_util::future::join_all(sending).await {
        let answer = answer.unwrap();
        if answer.status == 200 {
            whole.push(answer);
        } else {
            answer.expect_error(409, "idempotency_in_progress");
            assert_eq!(answer.headers["retry-after"], "1");
        }
    }
    assert_eq!(gw.sim.requests().len(), 1);
    assert_eq!(whole.iter().filter(|answer| !is_replayed(answer)).count(), 1);
    for address in &addresses {
        assert_eq!(send_to(&gw, address, "once", &chat("fast")).await.body, whole[0].body, "every node has the answer");
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_caller() {
    let gw = TestGateway::start().await;
    assert_eq!(send(&gw, "k", &chat("fast")).await.status, 200);
    let other = send(&gw, "k", &json!({ "model": "fast", "messages": [] })).await;
    other.expect_error(422, "idempotency_key_reused");
    assert_eq!(gw.sim.requests().len(), 1);
    let second = gw.fleet.another_key().await;
    let request = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&second).json(&chat("fast"));
    let answer = TestGateway::send(request.header("idempotency-key", "k")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!is_replayed(&answer), "another caller's key is another key");
    assert_eq!(gw.sim.requests().len(), 2);
}

#[tokio::test]
async fn malformed_keys_are_refused() {
    let gw = TestGateway::start().await;
    for key in ["a b", "", "x".repeat(256).as_str()] {
        send(&gw, key, &chat("fast")).await.expect_error(400, "invalid_request");
    }
    assert_eq!(gw.sim.requests().len(), 0);
}

#[tokio::test]
async fn a_whole_stream_is_given_again() {
    let gw = TestGateway::start().await;
    gw.sim.script(Script::default().chunks(20).usage(11, 7));
    let first = send(&gw, "s", &stream("fast")).await;
    assert!(first.text().ends_with("data: [DONE]\n\n"));
    let again = send(&gw, "s", &stream("fast")).await;
    assert!(is_replayed(&again));
    assert_eq!((again.status, again.text()), (200, first.text()));
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    assert_eq!(gw.sim.requests().len(), 1);
    let record = gw.record(&again.request_id()).await;
    assert!(record.stream && !record.dispatched && record.metadata.replay_of == Some(first.request_id()));
    send(&gw, "s", &chat("fast")).await.expect_error(422, "idempotency_key_reused");
}

#[tokio::test]
async fn what_was_cut_short_is_not_sent_again() {
    let gw = TestGateway::start_with(|config| config.upstream.first_byte_timeout = Duration::from_millis(300)).await;
    let cases = [
        (Script::default().chunks(9).cut_after(4), stream("fast"), 200),
        (Script::default().chunks(9).error_after(4), stream("fast"), 200),
        (Script::default().stall_before_headers(), chat("fast"), 504),
        (Script::default().reset(), chat("fast"), 502),
        (Script::default().garbage(), chat("fast"), 502),
    ];
    for (number, (script, body, status)) in cases.into_iter().enumerate() {
        let key = format!("k{number}");
        gw.sim.script(script);
        let first = send(&gw, &key, &body).await;
        assert_eq!(first.status, status, "{}", first.text());
        // The end of a stream that broke off is written down after its caller has seen it.
        let again = eventually("the claim to end", || async {
            let again = send(&gw, &key, &body).await;
            (again.code() != "idempotency_in_progress").then_some(again)
        })
        .await;
        again.expect_error(409, "idempotency_outcome_unknown");
        assert!(again.text().contains(&first.request_id()), "{}", again.text());
        assert_eq!(again.headers["x-should-retry"], "false");
        assert_eq!(gw.sim.requests().len(), number + 1);
    }
}

#[tokio::test]
async fn a_caller_who_left_does_not_get_it_twice() {
    let gw = TestGateway::start().await;
    gw.sim.script(Script::default().latency(Duration::from_secs(5)));
    assert!(tokio::time::timeout(Duration::from_millis(500), send(&gw, "left", &chat("fast"))).await.is_err());
    let again = eventually("the claim to end", || async {
        let again = send(&gw, "left", &chat("fast")).await;
        (again.code() != "idempotency_in_progress").then_some(again)
    })
    .await;
    again.expect_error(409, "idempotency_outcome_unknown");
    assert_eq!(gw.sim.requests().len(), 1);
}

#[tokio::test]
async fn refusals_of_the_upstream_are_kept_unless_another_try_is_worth_it() {
    let gw = TestGateway::start().await;
    let error = json!({ "error": { "message": "no", "type": "x", "code": "y" } });
    for (status, kept) in [(400, true), (404, true), (422, true), (429, false), (500, false), (503, false)] {
        let before = gw.sim.requests().len();
        gw.sim.script(Script::default().status(status).body(error.clone()));
        let first = send(&gw, &format!("k{status}"), &chat("fast")).await;
        assert_eq!((first.status, is_replayed(&first)), (status, false));
        let again = send(&gw, &format!("k{status}"), &chat("fast")).await;
        assert_eq!((again.status, is_replayed(&again), &again.body), (status, kept, &first.body));
        assert_eq!(gw.sim.requests().len() - before, if kept { 1 } else { 2 });
    }
    // The gateway's own credential was refused: nothing came of it, and an administrator can mend it.
    gw.sim.script(Script::default().status(401).body(error));
    assert_eq!(send(&gw, "k401", &chat("fast")).await.status, 502);
    gw.sim.script(Script::default());
    assert_eq!(send(&gw, "k401", &chat("fast")).await.status, 200);
}

#[tokio::test]
async fn what_the_gateway_refuses_can_be_tried_again_under_the_same_key() {
    let gw = TestGateway::start().await;
    let quota = gw.fleet.quota("none", entity::vocab::Metric::Requests, 0).await;
    send(&gw, "k", &chat("fast")).await.expect_error(429, "quota_exceeded");
    entity::row::quota::Entity::delete_by_id(quota).exec(gw.running.gateway.database.writer()).await.unwrap();
    gw.running.gateway.invalidate(&[gw.fleet.key.0]).await;
    assert_eq!(send(&gw, "k", &chat("fast")).await.status, 200);
    assert_eq!(gw.sim.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_kept_and_not_made_twice() {
    let gw = TestGateway::start_with(|config| config.idempotency.max_bytes = 2_000).await;
    gw.sim.script(Script::default().text("word ".repeat(1_000)).chunks(100));
    for (key, body) in [("u", chat("fast")), ("s", stream("fast"))] {
        let before = gw.sim.requests().len();
        let first = send(&gw, key, &body).await;
        assert!(first.status == 200 && first.body.len() > 2_000);
        send(&gw, key, &body).await.expect_error(409, "idempotency_not_kept");
        assert_eq!(gw.sim.requests().len() - before, 1);
    }
}

#[tokio::test]
async fn a_key_is_forgotten_after_its_time() {
    let gw = TestGateway::start_with(|config| config.idempotency.ttl = Duration::from_millis(300)).await;
    assert_eq!(send(&gw, "k", &chat("fast")).await.status, 200);
    eventually("the key to be forgotten", || async {
        let answer = send(&gw, "k", &chat("fast")).await;
        assert_eq!(answer.status, 200);
        (!is_replayed(&answer)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_killed_node_had_sent_is_not_sent_again() {
    let gw = TestGateway::start().await;
    if !gw.stack.is_shared() {
        return;
    }
    let mut node = Node::start(&gw, "b", &[]).await;
    gw.sim.script(Script::default().latency(Duration::from_secs(60)));
    let request = gw.http.post(node.url()).bearer_auth(&gw.fleet.secret).json(&chat("fast"));
    let sending = tokio::spawn(request.header("idempotency-key", "k").send());
    eventually("the request to be sent", || async { (gw.sim.requests().len() == 1).then_some(()) }).await;
    node.kill();
    assert!(sending.await.unwrap().is_err());
    gw.sim.script(Script::default());
    // Until its lease ends it may be alive as far as anybody knows.
    send(&gw, "k", &chat("fast")).await.expect_error(409, "idempotency_in_progress");
    assert_eq!(gw.sim.requests().len(), 1);
}

#[tokio::test]
async fn answers_are_encrypted_in_redis_and_no_promise_is_made_without_it() {
    let Some(server) = RedisServer::start().await else { return };
    let url = odock_gateway::config::RedisUrl::parse(&server.url()).unwrap();
    let gw = TestGateway::start_with(|config| {
        config.redis = Some(odock_gateway::config::Redis {
            url,
            connections: 1,
            dial_timeout: Duration::from_secs(2),
            command_timeout: Duration::from_millis(500),
            key_prefix: "t".into(),
        });
        config.cache.invalidation_channel = "t:invalidation".into();
    })
    .await;
    gw.sim.script(Script::default().text("tell nobody"));
    let first = send(&gw, "secret-name", &chat("fast")).await;
    assert!(first.text().contains("tell nobody"));
    assert!(is_replayed(&send(&gw, "secret-name", &chat("fast")).await));
    let mut redis = redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("t:once:*").query_async(&mut redis).await.unwrap();
    assert_eq!(keys.len(), 1);
    assert!(!keys[0].contains("secret-name"));
    let fields: Vec<Vec<u8>> = redis::cmd("HVALS").arg(&keys[0]).query_async(&mut redis).await.unwrap();
    assert!(fields.iter().any(|field| field.len() > first.body.len()), "the answer is there");
    for field in &fields {
        assert!(!String::from_utf8_lossy(field).contains("tell nobody"));
    }
    // Damaged on its way, it is not given out, and the request is not made again either.
    let answer: Vec<u8> = redis::cmd("HGET").arg(&keys[0]).arg("answer").query_async(&mut redis).await.unwrap();
    let mut damaged = answer.clone();
    *damaged.last_mut().unwrap() ^= 1;
    redis::cmd("HSET").arg(&keys[0]).arg("answer").arg(damaged).query_async::<()>(&mut redis).await.unwrap();
    send(&gw, "secret-name", &chat("fast")).await.expect_error(409, "idempotency_not_kept");
    drop(server);
    let refused = eventually("the outage to be noticed", || async {
        let answer = send(&gw, "new", &chat("fast")).await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    refused.expect_error(503, "overloaded");
    assert_eq!(gw.chat(&chat("fast")).await.status, 200, "who asks for no promise is served");
}
