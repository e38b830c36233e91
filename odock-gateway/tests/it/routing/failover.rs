//! A call goes on when its upstream fails, as its key's policy says.

use std::time::{Duration, Instant};

use entity::row::provider;
use entity::vocab::{AttemptOutcome, Outcome, RoutingDecision};
use odock_gateway::config::Config;
use odock_sim::Script;
use sea_orm::ActiveValue::Set;
use serde_json::json;

use crate::support::{Routed, TestGateway, chat, eventually, failed, served};

fn impatient(config: &mut Config) {
    config.upstream.first_byte_timeout = Duration::from_millis(300);
    config.upstream.total_timeout = Duration::from_millis(600);
    config.upstream.max_response_bytes = 1 << 20;
}

#[tokio::test]
async fn every_failure_of_the_first_upstream_is_served_by_the_second() {
    let routed = Routed::start_with(impatient, json!({})).await;
    let cases = [
        ("stall", Script::default().stall_before_headers(), "timeout", None),
        ("reset", Script::default().reset(), "reset", None),
        ("garbage", Script::default().garbage(), "malformed", Some(200)),
        ("half", Script::default().half_body(), "reset", Some(200)),
        ("5xx", Script::default().status(500).body(json!({"error": {"message": "no"}})), "5xx", Some(500)),
        ("overloaded", Script::default().status(529).body(json!({})), "5xx", Some(529)),
        ("redirect", Script::default().redirect("http://169.254.169.254/latest"), "4xx", Some(307)),
        ("credential", Script::default().status(401).body(json!({})), "4xx", Some(401)),
        ("page", Script::default().raw_body("<html>", "text/html"), "malformed", Some(200)),
        ("enormous", Script::default().raw_body(vec![b'x'; 4 << 20], "application/json"), "malformed", Some(200)),
    ];
    for (name, script, error, status) in cases {
        routed.gw.sim.enqueue(script);
        let answer = routed.gw.chat(&chat("fast")).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let way = routed.way(&answer).await;
        assert_eq!(way, (RoutingDecision::Rerouted, vec![failed("fast", error, status), served("backup")]), "{name}");
        let record = routed.gw.record(&answer.request_id()).await;
        assert_eq!((record.outcome, record.status), (Outcome::Ok, 200), "{name}");
        assert_eq!(record.model_id, Some(routed.backup_model), "{name}");
        assert_eq!(
            (record.model.as_deref(), record.provider.as_deref()),
            (Some("backup"), Some("elsewhere")),
            "{name}"
        );
        assert_eq!(record.routing.requested.as_deref(), Some("fast"), "{name}");
        // Its breaker would rest the first one after some failures in a row.
        assert_eq!(routed.gw.chat(&chat("fast")).await.status, 200);
    }
    routed.is_quiet().await;
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_left_at_once() {
    let routed = Routed::start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = provider::ActiveModel { base_url: Set(Some(format!("http://{free}"))), ..Default::default() };
    routed.gw.fleet.change_provider(nowhere).await;
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!(routed.way(&answer).await.1, [failed("fast", "refused", None), served("backup")]);
}

#[tokio::test]
async fn a_call_that_succeeds_goes_nowhere_else() {
    let routed = Routed::start().await;
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!(routed.way(&answer).await, (RoutingDecision::Direct, vec![served("fast")]));
    assert_eq!(routed.gw.record(&answer.request_id()).await.routing.requested, None);
    assert_eq!(routed.backup.requests().len(), 0);
}

#[tokio::test]
async fn a_429_goes_on_only_where_the_policy_says_so() {
    let routed = Routed::start().await;
    let limited = || Script::default().status(429).body(json!({"error": {"message": "slow down"}}));
    routed.gw.sim.enqueue(limited());
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!((answer.status, answer.json()["error"]["message"].as_str()), (429, Some("slow down")));
    assert_eq!(routed.way(&answer).await, (RoutingDecision::Direct, vec![failed("fast", "rate_limit", Some(429))]));
    routed.policy(json!({"failoverOn": ["rate_limit"]})).await;
    routed.gw.sim.enqueue(limited().header("retry-after", "60"));
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!(routed.way(&answer).await.1, [failed("fast", "rate_limit", Some(429)), served("backup")]);
    routed.gw.sim.enqueue(Script::default().status(500).body(json!({})));
    assert_eq!(routed.gw.chat(&chat("backup")).await.status, 200);
}

#[tokio::test]
async fn the_callers_own_mistake_goes_on_only_with_any() {
    let routed = Routed::start().await;
    let mistake = || Script::default().status(400).body(json!({"error": {"message": "bad parameter"}}));
    routed.gw.sim.enqueue(mistake());
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!((answer.status, answer.json()["error"]["message"].as_str()), (400, Some("bad parameter")));
    routed.policy(json!({"failoverOn": ["any"]})).await;
    routed.gw.sim.enqueue(mistake());
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!(routed.way(&answer).await.1, [failed("fast", "4xx", Some(400)), served("backup")]);
}

#[tokio::test]
async fn with_all_candidates_down_the_caller_gets_the_last_ones_answer() {
    let routed = Routed::start_with(impatient, json!({"maxRetries": 3})).await;
    routed.gw.sim.script(Script::default().stall_before_headers());
    routed.backup.script(Script::default().status(503).body(json!({"error": {"message": "down"}})));
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!((answer.status, answer.json()["error"]["message"].as_str()), (503, Some("down")));
    let (slow, down) = (failed("fast", "timeout", None), failed("backup", "5xx", Some(503)));
    let way = routed.way(&answer).await;
    assert_eq!(way, (RoutingDecision::Rerouted, vec![slow.clone(), down.clone(), slow, down]));
    let record = routed.gw.record(&answer.request_id()).await;
    assert_eq!((record.outcome, record.cost_nanos), (Outcome::Failed, None));
    routed.is_quiet().await;
}

#[tokio::test]
async fn without_retries_nothing_is_tried_again() {
    let routed = Routed::start_with(|_| {}, json!({"maxRetries": 0})).await;
    routed.gw.sim.enqueue(Script::default().status(500).body(json!({})));
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!((answer.status, routed.way(&answer).await.1.len()), (500, 1));
}

#[tokio::test]
async fn a_lone_candidate_is_tried_again_after_the_wait_that_it_asks_for() {
    let policy = json!({"nativeFallback": {}, "failoverOn": ["rate_limit"], "maxRetries": 1});
    let routed = Routed::start_with(|_| {}, policy).await;
    routed.gw.sim.enqueue(Script::default().status(429).body(json!({})).header("retry-after-ms", "400"));
    let began = Instant::now();
    let answer = routed.gw.chat(&chat("fast")).await;
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    assert_eq!(
        routed.way(&answer).await,
        (RoutingDecision::Direct, vec![failed("fast", "rate_limit", Some(429)), served("fast")])
    );
    routed.gw.sim.enqueue(Script::default().status(429).body(json!({})).header("retry-after", "3600"));
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!((answer.status, routed.way(&answer).await.1.len()), (429, 1), "nobody waits for an hour");
}

#[tokio::test]
async fn attempts_are_apart_by_the_delay_of_the_policy() {
    let routed = Routed::start_with(|_| {}, json!({"retryDelayMs": 400})).await;
    routed.gw.sim.enqueue(Script::default().status(500).body(json!({})));
    let answer = routed.gw.chat(&chat("fast")).await;
    let attempts = routed.gw.record(&answer.request_id()).await.routing.attempts;
    let apart = attempts[1].at_us - attempts[0].at_us - attempts[0].duration_us;
    assert!(apart >= 300_000, "{attempts:?}");
}

#[tokio::test]
async fn no_attempt_begins_after_the_deadline() {
    let deadline = |config: &mut Config| config.routing.deadline = Duration::from_millis(200);
    let routed = Routed::start_with(deadline, json!({"retryDelayMs": 1_000})).await;
    routed.gw.sim.enqueue(Script::default().status(500).body(json!({})));
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!((answer.status, routed.way(&answer).await.1.len()), (500, 1));
}

#[tokio::test]
async fn a_caller_who_leaves_during_the_wait_leaves_one_record_and_no_further_call() {
    let routed = Routed::start_with(|_| {}, json!({"retryDelayMs": 60_000})).await;
    let gw = &routed.gw;
    gw.sim.enqueue(Script::default().status(500).body(json!({})));
    let call = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&chat("fast"));
    let call = tokio::spawn(call.send());
    gw.sim.wait_for_requests(1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    call.abort();
    let record = gw.only_record().await;
    assert_eq!((record.outcome, record.status), (Outcome::Cancelled, 499));
    assert_eq!((record.routing.attempts.len(), record.routing.attempts[0].error.as_deref()), (1, Some("5xx")));
    assert_eq!(routed.backup.requests().len(), 0);
    routed.is_quiet().await;
}

#[tokio::test]
async fn a_caller_who_leaves_during_an_attempt_cancels_it() {
    let routed = Routed::start().await;
    let gw = &routed.gw;
    gw.sim.enqueue(Script::default().status(500).body(json!({})));
    routed.backup.script(Script::default().stall_before_headers());
    let call = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&chat("fast"));
    let call = tokio::spawn(call.send());
    routed.backup.wait_for_requests(1).await;
    call.abort();
    eventually("the upstream to notice", || async { routed.backup.requests()[0].cancelled().then_some(()) }).await;
    let record = gw.only_record().await;
    let outcomes: Vec<AttemptOutcome> = record.routing.attempts.iter().map(|it| it.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Failed, AttemptOutcome::Cancelled]);
    assert_eq!((record.outcome, record.model.as_deref()), (Outcome::Cancelled, Some("backup")));
    routed.is_quiet().await;
}

#[tokio::test]
async fn without_the_organisations_switch_nothing_is_routed() {
    let gw = TestGateway::start().await;
    let routing = serde_json::from_value(json!({"chat": {"retryDelayMs": 1}})).unwrap();
    let key = entity::row::api_key::ActiveModel { routing: Set(Some(routing)), ..Default::default() };
    gw.fleet.change_key(key).await;
    gw.sim.enqueue(Script::default().status(500).body(json!({})));
    let answer = gw.chat(&chat("fast")).await;
    assert_eq!((answer.status, gw.record(&answer.request_id()).await.routing.attempts.len()), (500, 1));
}

#[tokio::test]
async fn metrics_tell_of_decisions_and_attempts() {
    let routed = Routed::start().await;
    routed.gw.sim.enqueue(Script::default().status(500).body(json!({})));
    assert_eq!(routed.gw.chat(&chat("fast")).await.status, 200);
    let text = routed.gw.running.gateway.telemetry.render();
    for line in [
        "gateway_routing_decisions_total{decision=\"rerouted\"} 1",
        "gateway_routing_attempts_total{outcome=\"failed\"} 1",
        "gateway_routing_attempts_total{outcome=\"ok\"} 1",
        "gateway_routing_duration_seconds_count 1",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
}
