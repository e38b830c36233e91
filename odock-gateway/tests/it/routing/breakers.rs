//! Upstreams that keep failing rest, and are probed back.

use std::time::Duration;

use entity::vocab::{BreakerState, RoutingDecision};
use odock_gateway::config::Config;
use odock_sim::Script;
use serde_json::json;

use crate::support::{Routed, chat, eventually, failed, served, skipped};

fn quick(config: &mut Config) {
    config.routing.failures = 3;
    config.routing.rest = Duration::from_millis(600);
}

fn broken() -> Script {
    Script::default().status(500).body(json!({}))
}

fn state(routed: &Routed) -> Vec<(String, BreakerState)> {
    let troubled = routed.gw.running.gateway.health.troubled(Some(routed.gw.fleet.organisation));
    troubled.into_iter().map(|it| (it.model, it.state)).collect()
}

#[tokio::test]
async fn an_upstream_that_keeps_failing_rests_and_is_probed_back() {
    let routed = Routed::start_with(quick, json!({})).await;
    routed.gw.sim.script(broken());
    for _ in 0..3 {
        assert_eq!(routed.gw.chat(&chat("fast")).await.status, 200);
    }
    assert_eq!(state(&routed), [("fast".to_owned(), BreakerState::Open)]);
    let answer = routed.gw.chat(&chat("fast")).await;
    let way = routed.way(&answer).await;
    assert_eq!(way, (RoutingDecision::Rerouted, vec![skipped("fast", "resting"), served("backup")]));
    assert_eq!(routed.gw.sim.requests().len(), 3);
    let text = routed.gw.running.gateway.telemetry.render();
    assert!(text.contains("gateway_routing_breakers{provider=\"OPENAI\",state=\"open\"} 1"), "{text}");
    tokio::time::sleep(Duration::from_millis(650)).await;
    // Still broken: the probe fails, its caller is served all the same, and the rest is longer.
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!(routed.way(&answer).await.1, [failed("fast", "5xx", Some(500)), served("backup")]);
    assert_eq!(routed.way(&routed.gw.chat(&chat("fast")).await).await.1[0], skipped("fast", "resting"));
    routed.gw.sim.script(Script::default());
    eventually("the upstream to be probed back", || async {
        assert_eq!(routed.gw.chat(&chat("fast")).await.status, 200);
        state(&routed).is_empty().then_some(())
    })
    .await;
    assert_eq!(routed.way(&routed.gw.chat(&chat("fast")).await).await.1, [served("fast")]);
}

#[tokio::test]
async fn of_many_calls_one_probes() {
    let routed = Routed::start_with(quick, json!({})).await;
    routed.gw.sim.script(broken());
    for _ in 0..3 {
        assert_eq!(routed.gw.chat(&chat("fast")).await.status, 200);
    }
    tokio::time::sleep(Duration::from_millis(650)).await;
    routed.gw.sim.script(Script::default().latency(Duration::from_millis(300)));
    let calls = (0..16).map(|_| async { routed.gw.chat(&chat("fast")).await.status });
    assert!(futures_util::future::join_all(calls).await.into_iter().all(|status| status == 200));
    assert_eq!(routed.gw.sim.requests().len(), 4, "three that failed, and one probe");
    assert_eq!(state(&routed), []);
}

#[tokio::test]
async fn a_retry_after_is_a_rest() {
    let routed = Routed::start().await;
    routed.gw.sim.enqueue(Script::default().status(503).body(json!({})).header("retry-after", "60"));
    for _ in 0..3 {
        assert_eq!(routed.gw.chat(&chat("fast")).await.status, 200);
    }
    assert_eq!(routed.gw.sim.requests().len(), 1);
    let troubled = routed.gw.running.gateway.health.troubled(None);
    let rest = troubled[0].resting_until.unwrap().0 - entity::Timestamp::now().0;
    assert!((50_000_000..=60_000_000).contains(&rest), "{rest}");
}

#[tokio::test]
async fn while_every_candidate_rests_the_least_bad_is_tried_once() {
    let routed = Routed::start().await;
    routed.gw.sim.enqueue(Script::default().status(503).body(json!({})).header("retry-after", "60"));
    routed.backup.enqueue(Script::default().status(503).body(json!({})).header("retry-after", "30"));
    assert_eq!(routed.gw.chat(&chat("fast")).await.status, 503);
    let answer = routed.gw.chat(&chat("fast")).await;
    let rests = |model| skipped(model, "resting");
    assert_eq!(routed.way(&answer).await.1, [rests("fast"), rests("backup"), served("backup")]);
    assert_eq!(state(&routed), [("fast".to_owned(), BreakerState::Open)], "a call that succeeds ends the rest");
}

#[tokio::test]
async fn calls_that_are_not_routed_are_never_turned_away_but_tell_how_it_goes() {
    let routed = Routed::start_with(quick, json!({})).await;
    let plain = routed.gw.fleet.another_key().await;
    let off = entity::row::api_key::ActiveModel { routing: sea_orm::ActiveValue::Set(None), ..Default::default() };
    routed.gw.fleet.change_key(off).await;
    routed.gw.sim.script(broken());
    for _ in 0..5 {
        assert_eq!(routed.gw.chat(&chat("fast")).await.status, 500);
    }
    assert_eq!(routed.gw.sim.requests().len(), 5);
    assert_eq!(state(&routed), [("fast".to_owned(), BreakerState::Open)]);
    let request = routed.gw.http.post(routed.gw.url("/v1/chat/completions")).bearer_auth(&plain).json(&chat("fast"));
    assert_eq!(crate::support::TestGateway::send(request).await.status, 200);
    assert_eq!(routed.gw.sim.requests().len(), 5, "the routed key does not even ask");
}

#[tokio::test]
async fn the_callers_mistakes_are_no_trouble_of_the_upstream() {
    let routed = Routed::start_with(quick, json!({})).await;
    routed.gw.sim.script(Script::default().status(400).body(json!({})));
    for _ in 0..5 {
        assert_eq!(routed.gw.chat(&chat("fast")).await.status, 400);
    }
    assert_eq!(state(&routed), []);
}
