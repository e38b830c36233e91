//! Limits from outside: every code with its words and headers, across nodes, and while Redis is away.

use std::time::Duration;

use entity::policy::Policies;
use entity::row::{api_key, model, organisation, policy_overlay, team};
use entity::vocab::ScopeType;
use entity::{OverlayId, TeamId, Timestamp};
use odock_gateway::config::{self, FailureMode};
use odock_gateway::limits::Wants;
use odock_sim::Script;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::{Value, json};

use crate::support::{Answer, RedisServer, TestGateway, chat, eventually, stream};

fn policies(json: Value) -> Policies {
    serde_json::from_value(json).unwrap()
}

/// A request that may use so many tokens.
fn wants(tokens: u64) -> Wants {
    Wants { bytes: 0, output_cap: None, tokens }
}

/// Puts policies on the test's key.
async fn limit_key(gw: &TestGateway, json: Value) {
    gw.fleet.change_key(api_key::ActiveModel { policies: Set(Some(policies(json))), ..Default::default() }).await;
}

async fn limit_organisation(gw: &TestGateway, json: Value) {
    let change = organisation::ActiveModel {
        id: Set(gw.fleet.organisation),
        policies: Set(Some(policies(json))),
        ..Default::default()
    };
    change.update(gw.running.gateway.database.writer()).await.unwrap();
    gw.running.gateway.invalidate(&[gw.fleet.organisation.0]).await;
}

async fn limit_model(gw: &TestGateway, json: Value) {
    let db = gw.running.gateway.database.writer();
    let row = model::Entity::find().filter(model::Column::Name.eq("fast")).one(db).await.unwrap().unwrap();
    let id = row.id;
    let change = model::ActiveModel { id: Set(id), policies: Set(Some(policies(json))), ..Default::default() };
    change.update(db).await.unwrap();
    gw.running.gateway.invalidate(&[id.0]).await;
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// Panics unless a limit refused the request: with its code, its scope and number, and when to try again.
fn expect_limited(answer: &Answer, code: &str, scope: &str, limit: u64) {
    answer.expect_error(429, code);
    let error = &answer.json()["error"];
    assert_eq!((error["scope"].as_str(), error["limit"].as_u64()), (Some(scope), Some(limit)), "{error}");
    let seconds = error["retry_after"].as_u64().unwrap_or_else(|| panic!("no retry_after in {error}"));
    assert!((1..=61).contains(&seconds), "{error}");
    assert_eq!(header(answer, "retry-after"), seconds.to_string());
    assert!(error["message"].as_str().unwrap().ends_with(&format!("try again in {seconds} s")), "{error}");
}

async fn passed(gw: &TestGateway, requests: usize) -> usize {
    let answers = futures_util::future::join_all((0..requests).map(|_| async { gw.chat(&chat("fast")).await })).await;
    assert!(answers.iter().all(|answer| [200, 429].contains(&answer.status)));
    answers.iter().filter(|answer| answer.status == 200).count()
}

#[tokio::test]
async fn a_minutes_requests_are_counted_told_and_refused() {
    let gw = TestGateway::start().await;
    limit_key(&gw, json!({"ratelimit":{"requests":{"per_minute":3}}})).await;
    limit_organisation(&gw, json!({"ratelimit":{"requests":{"per_minute":9}}})).await;
    gw.sim.enqueue(Script::default().header("x-ratelimit-remaining-requests", "77"));
    gw.sim.enqueue(Script::default());
    gw.sim.enqueue(Script::default().status(400).body(json!({"error":{"message":"bad"}})));
    for (body, status, left) in [(chat("fast"), 200, "2"), (stream("fast"), 200, "1"), (chat("fast"), 400, "0")] {
        let answer = gw.chat(&body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(header(&answer, "x-ratelimit-limit-requests"), "3");
        assert_eq!(header(&answer, "x-ratelimit-remaining-requests"), left);
        assert!(header(&answer, "x-ratelimit-reset-requests").starts_with('1'), "{:?}", answer.headers);
        assert_eq!(header(&answer, "x-ratelimit-limit-tokens"), "", "tokens are not limited");
    }
    let refused = gw.chat(&chat("fast")).await;
    expect_limited(&refused, "rpm_exceeded", "api_key", 3);
    assert!(refused.text().contains("the API key ci has had its 3 requests of this minute"), "{}", refused.text());
    assert_eq!(header(&refused, "x-ratelimit-remaining-requests"), "0");
    let record = gw.record(&refused.request_id()).await;
    let marks = serde_json::to_value(&record.metadata.limits).unwrap();
    let expected = json!([["early", "organisation", "rpm", 9, 6, "pass"], ["early", "api_key", "rpm", 3, 0, "deny"]]);
    assert_eq!(marks, expected, "the refused took nothing of the organisation's");
    assert_eq!(gw.sim.requests().len(), 3);
    // What consumes nothing is a request all the same.
    let models = TestGateway::send(gw.http.get(gw.url("/v1/models")).bearer_auth(&gw.fleet.secret)).await;
    expect_limited(&models, "rpm_exceeded", "api_key", 3);
}

#[tokio::test]
async fn bursts_and_seconds_have_their_own_codes() {
    let gw = TestGateway::start().await;
    limit_key(&gw, json!({"ratelimit":{"requests":{"per_minute":1,"burst":1}}})).await;
    assert_eq!(gw.chat(&chat("fast")).await.status, 200);
    let refused = gw.chat(&chat("fast")).await;
    assert!(["burst_exceeded", "rpm_exceeded"].contains(&refused.code().as_str()));
    let refusals = || async {
        let answers = futures_util::future::join_all((0..30).map(|_| async { gw.chat(&chat("fast")).await })).await;
        answers.into_iter().filter(|answer| answer.status != 200).collect::<Vec<_>>()
    };
    limit_key(&gw, json!({"ratelimit":{"requests":{"per_second":1,"burst":2}}})).await;
    let refused = refusals().await;
    assert!(!refused.is_empty());
    refused.iter().for_each(|answer| expect_limited(answer, "burst_exceeded", "api_key", 2));
    limit_key(&gw, json!({})).await;
    limit_model(&gw, json!({"ratelimit":{"requests":{"per_second":1}}})).await;
    let refused = refusals().await;
    assert!(!refused.is_empty());
    refused.iter().for_each(|answer| expect_limited(answer, "rps_exceeded", "model", 1));
}

#[tokio::test]
async fn as_many_requests_as_allowed_are_under_way_and_a_place_is_free_as_soon_as_one_ends() {
    let gw = TestGateway::start().await;
    limit_key(&gw, json!({"ratelimit":{"concurrency":{"max":1}}})).await;
    for body in [chat("fast"), stream("fast")] {
        let script = if body["stream"] == true {
            Script::default().chunks(4).stall_after(2)
        } else {
            Script::default().stall_before_headers()
        };
        gw.sim.enqueue(script);
        let seen = gw.sim.requests().len();
        let request = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&body);
        let stalled = tokio::spawn(async move { request.send().await?.bytes().await });
        gw.sim.wait_for_requests(seen + 1).await;
        let refused = gw.chat(&chat("fast")).await;
        expect_limited(&refused, "concurrency_exceeded", "api_key", 1);
        stalled.abort();
        eventually("the place", || async { (gw.chat(&chat("fast")).await.status == 200).then_some(()) }).await;
    }
    for _ in 0..20 {
        assert_eq!(gw.chat(&chat("fast")).await.status, 200, "one after the other always finds its place free");
        let streamed = gw.chat(&stream("fast")).await;
        assert!(streamed.status == 200 && streamed.text().ends_with("data: [DONE]\n\n"));
    }
}

#[tokio::test]
async fn bodies_are_cut_off_at_the_limit_whether_or_not_they_say_how_long_they_are() {
    let mut gw = TestGateway::start().await;
    // Each request on a connection of its own: one whose body was cut off closes its connection.
    gw.http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    limit_key(&gw, json!({"ratelimit":{"payload":{"max_request_bytes":2000}}})).await;
    let large = || json!({"model": "fast", "messages": [{"role": "user", "content": "x".repeat(3_000)}]});
    let chunked = |body: Value| {
        let bytes = body.to_string().into_bytes();
        let chunks: Vec<Result<Vec<u8>, std::io::Error>> = bytes.chunks(700).map(|chunk| Ok(chunk.to_vec())).collect();
        reqwest::Body::wrap_stream(futures_util::stream::iter(chunks))
    };
    for refused in [gw.chat(&large()).await, gw.chat_bytes(chunked(large())).await] {
        refused.expect_error(413, "payload_too_large");
        let error = &refused.json()["error"];
        assert_eq!((error["scope"].as_str(), error["limit"].as_u64()), (Some("api_key"), Some(2_000)));
        assert_eq!(error["message"], "the body is larger than the 2000 bytes that the API key ci allows");
    }
    assert_eq!(gw.chat(&chat("fast")).await.status, 200);
    assert_eq!(gw.chat_bytes(chunked(chat("fast"))).await.status, 200);
    limit_key(&gw, json!({"ratelimit":{"payload":{"max_request_bytes":2000}},"shadow":true})).await;
    let watched = gw.chat_bytes(chunked(large())).await;
    assert_eq!(watched.status, 200);
    let record = gw.record(&watched.request_id()).await;
    assert_eq!(record.metadata.limits[0].verdict, "shadow");
    limit_key(&gw, json!({})).await;
    limit_model(&gw, json!({"ratelimit":{"payload":{"max_request_bytes":2000}}})).await;
    gw.chat(&large()).await.expect_error(413, "payload_too_large");
}

#[tokio::test]
async fn tokens_are_set_aside_and_corrected_to_what_was_used() {
    let gw = TestGateway::start().await;
    limit_key(&gw, json!({"ratelimit":{"tokens":{"per_minute":1000},"payload":{"max_tokens":900}}})).await;
    let asking = |cap: u64| {
        let mut body = chat("fast");
        body["max_tokens"] = cap.into();
        body
    };
    gw.sim.script(Script::default().usage(20, 30));
    let first = gw.chat(&asking(900)).await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(header(&first, "x-ratelimit-limit-tokens"), "1000");
    assert!(header(&first, "x-ratelimit-remaining-tokens").parse::<u64>().unwrap() < 100);
    // The correction is under way; a refusal takes nothing, so trying does no harm.
    let second = eventually("the tokens that were not used", || async {
        let answer = gw.chat(&asking(900)).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(header(&second, "x-ratelimit-limit-tokens"), "1000");
    let asked = gw.chat(&asking(901)).await;
    asked.expect_error(429, "max_tokens_exceeded");
    assert_eq!(asked.json()["error"]["limit"], 900);
    assert_eq!(header(&asked, "x-should-retry"), "false");
    let mut twice = asking(900);
    twice["n"] = 2.into();
    let never = gw.chat(&twice).await;
    never.expect_error(429, "tpm_exceeded");
    assert!(never.text().contains("can never fit") && header(&never, "retry-after").is_empty(), "{}", never.text());
    // More than was set aside is charged.
    gw.sim.script(Script::default().usage(500, 460));
    eventually("the large answer", || async { (gw.chat(&asking(10)).await.status == 200).then_some(()) }).await;
    let refused = eventually("the charge", || async {
        let answer = gw.chat(&asking(300)).await;
        (answer.status == 429).then_some(answer)
    })
    .await;
    expect_limited(&refused, "tpm_exceeded", "api_key", 1_000);
}

#[tokio::test]
async fn the_models_cap_is_set_aside_where_the_caller_names_none() {
    let gw = TestGateway::start().await;
    let db = gw.running.gateway.database.writer();
    let row = model::Entity::find().filter(model::Column::Name.eq("fast")).one(db).await.unwrap().unwrap();
    let config = entity::resource::ModelConfig { max_output_tokens: Some(5_000), ..row.config.clone() };
    model::ActiveModel { id: Set(row.id), config: Set(config), ..Default::default() }.update(db).await.unwrap();
    limit_model(&gw, json!({"ratelimit":{"tokens":{"per_minute":5000}}})).await;
    let refused = gw.chat(&chat("fast")).await;
    refused.expect_error(429, "tpm_exceeded");
    assert_eq!(refused.json()["error"]["scope"], "model");
    assert!(refused.text().contains("the model fast has 5000 a minute"), "{}", refused.text());
}

#[tokio::test]
async fn addresses_are_those_of_clients_and_not_of_proxies() {
    let gw = TestGateway::start_with(|config| {
        config.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap(), "10.9.0.0/16".parse().unwrap()];
        config.limits.global_policy = Some(policies(json!({"ip":{"blocklist":["203.0.113.0/24"]}})));
    })
    .await;
    limit_key(&gw, json!({"ip":{"allowlist":["198.51.100.0/24","203.0.113.0/24"]}})).await;
    let from = |forwarded: &'static str, key: String| {
        let request = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(key).json(&chat("fast"));
        TestGateway::send(request.header("x-forwarded-for", forwarded))
    };
    let key = || gw.fleet.secret.clone();
    assert_eq!(from("198.51.100.7", key()).await.status, 200);
    assert_eq!(from("1.2.3.4, 198.51.100.7, 10.9.0.1", key()).await.status, 200);
    let refused = from("198.51.100.7, 192.0.2.1", key()).await;
    refused.expect_error(403, "ip_not_allowed");
    assert_eq!(refused.json()["error"]["scope"], "api_key");
    let blocked = from("203.0.113.9", "sk-nonsense".into()).await;
    blocked.expect_error(403, "ip_not_allowed");
    assert!(blocked.text().contains("this gateway does not allow"), "before any key is looked at: {}", blocked.text());
}

#[tokio::test]
async fn made_up_keys_meet_the_global_limit_before_they_are_looked_up() {
    let gw = TestGateway::start_with(|config| {
        config.limits.global_policy = Some(policies(json!({"ratelimit":{"requests":{"per_minute":5}}})));
    })
    .await;
    let stranger = "sk-odock-0000000000000000000000000000000000000000000000000";
    let post = || gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(stranger).json(&chat("fast"));
    assert_eq!(gw.chat(&chat("fast")).await.status, 200, "not known yet: counted at once");
    assert_eq!(gw.chat(&chat("fast")).await.status, 200, "known: counted in the early gate");
    for _ in 0..3 {
        TestGateway::send(post()).await.expect_error(401, "unauthorized");
    }
    let refused = TestGateway::send(post()).await;
    expect_limited(&refused, "rpm_exceeded", "global", 5);
    expect_limited(&gw.chat(&chat("fast")).await, "rpm_exceeded", "global", 5);
}

#[tokio::test]
async fn a_shadow_policy_refuses_nobody_and_is_seen() {
    let gw = TestGateway::start().await;
    limit_key(&gw, json!({"ratelimit":{"requests":{"per_minute":1}},"shadow":true})).await;
    assert_eq!(passed(&gw, 3).await, 3);
    let answer = gw.chat(&chat("fast")).await;
    assert_eq!(header(&answer, "x-ratelimit-limit-requests"), "", "what is only watched is nobody's business");
    let record = gw.record(&answer.request_id()).await;
    let marks = serde_json::to_value(&record.metadata.limits).unwrap();
    assert_eq!(marks, json!([["early", "api_key", "rpm", 1, 0, "shadow"]]));
    let metrics = gw.running.gateway.telemetry.render();
    for line in [
        "gateway_rate_limit_decisions_total{stage=\"early\",decision=\"shadow\"} 3",
        "gateway_rate_limit_decisions_total{stage=\"early\",decision=\"pass\"} 1",
        "gateway_rate_limit_rejections_total{stage=\"early\",module=\"rpm\",mode=\"shadow\"} 3",
    ] {
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }
}

#[tokio::test]
async fn a_teams_limit_is_scaled_by_an_overlay_and_can_be_looked_at() {
    let gw = TestGateway::start().await;
    let (db, now) = (gw.running.gateway.database.writer(), Timestamp::now());
    let id = TeamId::new();
    let row = team::Model {
        id,
        organisation_id: gw.fleet.organisation,
        name: "search".into(),
        slug: "search".into(),
        description: None,
        policies: Some(policies(json!({"ratelimit":{"requests":{"per_minute":8},"tokens":{"per_minute":800}}}))),
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    row.into_active_model().insert(db).await.unwrap();
    let row = policy_overlay::Model {
        id: OverlayId::new(),
        organisation_id: gw.fleet.organisation,
        name: "brake".into(),
        scope_type: ScopeType::Team,
        scope_id: id.0,
        factor_thousandths: 250,
        reason: None,
        starts_at: None,
        ends_at: now.plus(Duration::from_secs(3_600)),
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    row.into_active_model().insert(db).await.unwrap();
    gw.fleet.change_key(api_key::ActiveModel { team_id: Set(Some(id)), ..Default::default() }).await;
    assert_eq!(passed(&gw, 5).await, 2, "a quarter of eight");
    let refused = gw.chat(&chat("fast")).await;
    expect_limited(&refused, "rpm_exceeded", "team", 2);
    assert!(refused.text().contains("the team search has had its 2 requests"), "{}", refused.text());
    let gateway = &gw.running.gateway;
    let hash = odock_gateway::credential::hash_bytes(&gw.fleet.secret);
    let principal = gateway.auth.principal(&hash).await.unwrap();
    for _ in 0..3 {
        let seen = gateway.limits.look(&principal, None, &wants(300)).await.unwrap();
        let seen = serde_json::to_value(seen).unwrap();
        assert_eq!(seen[0], json!(["early", "team", "rpm", 2, 0, "deny"]), "{seen}");
        assert_eq!((&seen[1][2], &seen[1][3], &seen[1][5]), (&json!("tpm"), &json!(200), &json!("deny")), "{seen}");
    }
}

/// A gateway on the given Redis, whose global policy is all that limits it.
async fn gateway_on(server: &RedisServer, policy: Value, mode: FailureMode) -> TestGateway {
    TestGateway::start_with(|config| {
        config.redis = Some(server.settings());
        config.limits.global_policy = Some(policies(policy));
        config.limits.failure_mode = mode;
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gateways_admit_exactly_what_one_would() {
    let Some(server) = RedisServer::start().await else { return };
    let policy = json!({"ratelimit":{"requests":{"per_minute":50},"tokens":{"per_minute":100_000_000}}});
    let start = || gateway_on(&server, policy.clone(), FailureMode::Closed);
    let gateways = [start().await, start().await, start().await];
    let passed = futures_util::future::join_all(gateways.iter().map(|gw| passed(gw, 40))).await;
    assert_eq!(passed.iter().sum::<usize>(), 50, "{passed:?}");
    assert_eq!(gateways.iter().map(|gw| gw.sim.requests().len()).sum::<usize>(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_are_shared_by_gateways_and_come_back_at_once() {
    let Some(server) = RedisServer::start().await else { return };
    let policy = json!({"ratelimit":{"concurrency":{"max":1}}});
    let one = gateway_on(&server, policy.clone(), FailureMode::Closed).await;
    let other = gateway_on(&server, policy, FailureMode::Closed).await;
    one.sim.enqueue(Script::default().stall_before_headers());
    let request = one.http.post(one.url("/v1/chat/completions")).bearer_auth(&one.fleet.secret).json(&chat("fast"));
    let stalled = tokio::spawn(request.send());
    one.sim.wait_for_requests(1).await;
    expect_limited(&other.chat(&chat("fast")).await, "concurrency_exceeded", "global", 1);
    stalled.abort();
    eventually("the place", || async { (other.chat(&chat("fast")).await.status == 200).then_some(()) }).await;
    eventually("the place", || async { (one.chat(&chat("fast")).await.status == 200).then_some(()) }).await;
    for _ in 0..30 {
        assert_eq!(one.chat(&chat("fast")).await.status, 200, "its own places are free for the next request at once");
    }
}

#[tokio::test]
async fn the_lease_of_a_request_is_put_off_while_it_lives_and_ends_with_it() {
    let Some(server) = RedisServer::start().await else { return };
    let policy = json!({"ratelimit":{"concurrency":{"max":2,"lease_ttl_seconds":2}}});
    let gw = gateway_on(&server, policy, FailureMode::Closed).await;
    let redis = redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let leases = || {
        let mut redis = redis.clone();
        async move {
            let key = format!("o:limit:GLOBAL:{}:places", uuid::Uuid::nil().simple());
            let mut leases = redis::cmd("ZRANGE");
            leases.arg(key).arg(0).arg(-1).arg("WITHSCORES");
            leases.query_async::<Vec<(Vec<u8>, f64)>>(&mut redis).await.unwrap()
        }
    };
    gw.sim.enqueue(Script::default().chunks(4).stall_after(2));
    let request = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&stream("fast"));
    let response = request.send().await.unwrap();
    let taken = leases().await;
    assert_eq!(taken.len(), 1);
    eventually("the lease to be put off", || async {
        let now = leases().await;
        (now.len() == 1 && now[0].0 == taken[0].0 && now[0].1 > taken[0].1).then_some(())
    })
    .await;
    drop(response);
    eventually("the lease to end", || async { leases().await.is_empty().then_some(()) }).await;
}

#[tokio::test]
async fn without_redis_the_failure_mode_decides_and_afterwards_all_is_as_before() {
    let Some(mut server) = RedisServer::start().await else { return };
    let policy = json!({"ratelimit":{"requests":{"per_minute":4},"concurrency":{"max":9}}});
    let mut gateways = Vec::new();
    for mode in [FailureMode::Local, FailureMode::Open, FailureMode::Closed] {
        // Each has its own numbers: they do not share a prefix.
        let gw = TestGateway::start_with(|config| {
            config.redis = Some(config::Redis { key_prefix: format!("{mode:?}"), ..server.settings() });
            config.limits.global_policy = Some(policies(policy.clone()));
            config.limits.failure_mode = mode;
        })
        .await;
        assert_eq!(gw.chat(&chat("fast")).await.status, 200);
        gateways.push(gw);
    }
    server.stop().await;
    for gw in &gateways {
        eventually("the bus to be down", || async { (!gw.running.gateway.hot.bus_is_up()).then_some(()) }).await;
    }
    let mut local = Vec::new();
    for _ in 0..6 {
        local.push(gateways[0].chat(&chat("fast")).await.status);
    }
    assert_eq!(local, [200, 200, 200, 200, 429, 429], "the same numbers, counted here");
    assert!(gateways[0].running.gateway.telemetry.render().contains("gateway_rate_limit_local_fallback 1"));
    for _ in 0..6 {
        assert_eq!(gateways[1].chat(&chat("fast")).await.status, 200);
        let refused = gateways[2].chat(&chat("fast")).await;
        refused.expect_error(503, "overloaded");
        assert_eq!(header(&refused, "retry-after"), "1");
    }
    server.start_again().await;
    for gw in &gateways {
        eventually("the bus to be back", || async { gw.running.gateway.hot.bus_is_up().then_some(()) }).await;
        let hash = odock_gateway::credential::hash_bytes(&gw.fleet.secret);
        let principal = gw.running.gateway.auth.principal(&hash).await.unwrap();
        // Each of its connections notices by itself that the old one is gone.
        eventually("every connection", || async {
            let nothing = wants(0);
            let look = || gw.running.gateway.limits.look(&principal, None, &nothing);
            let seen = [look().await, look().await, look().await, look().await];
            seen.iter().all(Result::is_ok).then_some(())
        })
        .await;
        let statuses =
            futures_util::future::join_all((0..6).map(|_| async { gw.chat(&chat("fast")).await.status })).await;
        let passed = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(passed, 3, "Redis kept what it knew: one of four was used ({statuses:?})");
    }
    assert!(gateways[0].running.gateway.telemetry.render().contains("gateway_rate_limit_local_fallback 0"));
}
