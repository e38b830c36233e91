//! A stream goes on to another upstream up to its first content, and never after.

use std::time::Duration;

use entity::vocab::{Outcome, RoutingDecision};
use futures_util::StreamExt;
use odock_gateway::config::Config;
use odock_sim::Script;
use serde_json::json;

use crate::support::{Routed, eventually, failed, served, stream};

fn impatient(config: &mut Config) {
    config.upstream.first_byte_timeout = Duration::from_millis(400);
    config.upstream.stream_idle_timeout = Duration::from_millis(400);
}

#[tokio::test]
async fn a_stream_that_fails_before_its_first_content_is_served_by_the_second_upstream() {
    let routed = Routed::start_with(impatient, json!({})).await;
    let cases = [
        ("stall before headers", Script::default().stall_before_headers(), "timeout", None),
        ("stall before content", Script::default().chunks(3).stall_after(0), "timeout", Some(200)),
        ("cut", Script::default().chunks(3).cut_after(0), "reset", Some(200)),
        ("close", Script::default().chunks(3).close_after(0), "reset", Some(200)),
        ("end", Script::default().chunks(3).end_after(0), "reset", Some(200)),
        ("error event", Script::default().chunks(3).error_after(0), "5xx", Some(200)),
        ("5xx", Script::default().status(502).body(json!({})), "5xx", Some(502)),
    ];
    for (name, script, error, status) in cases {
        routed.gw.sim.enqueue(script);
        routed.backup.script(Script::default().chunks(3).usage(5, 3).text("from the backup"));
        let answer = routed.gw.chat(&stream("fast")).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let text = answer.text();
        assert_eq!(text.matches("\"role\":\"assistant\"").count(), 1, "{name}: nothing of the first stream: {text}");
        assert!(text.ends_with("data: [DONE]\n\n") && !text.contains("error"), "{name}: {text}");
        let way = routed.way(&answer).await;
        assert_eq!(way, (RoutingDecision::Rerouted, vec![failed("fast", error, status), served("backup")]), "{name}");
        let record = routed.gw.record(&answer.request_id()).await;
        assert_eq!((record.outcome, record.tokens_in, record.tokens_out), (Outcome::Ok, 5, 3), "{name}");
        assert!(record.first_byte_us.is_some());
        // So that the breaker does not rest the first one.
        routed.gw.sim.enqueue(Script::default());
        assert_eq!(routed.gw.chat(&stream("fast")).await.status, 200);
    }
    eventually("the first upstream to be let go", || async {
        let stalled = &routed.gw.sim.requests()[2];
        stalled.cancelled().then_some(())
    })
    .await;
    routed.is_quiet().await;
}

#[tokio::test]
async fn a_stream_that_fails_after_its_first_content_ends_in_an_error_event() {
    let routed = Routed::start_with(impatient, json!({})).await;
    for (name, script, error) in [
        ("stall", Script::default().chunks(3).stall_after(1), "timeout"),
        ("cut", Script::default().chunks(3).cut_after(1), "reset"),
        ("error event", Script::default().chunks(3).error_after(1), "5xx"),
    ] {
        routed.gw.sim.enqueue(script);
        let answer = routed.gw.chat(&stream("fast")).await;
        assert!(answer.status == 200 && answer.text().contains("error"), "{name}: {}", answer.text());
        let way = routed.way(&answer).await;
        assert_eq!(way, (RoutingDecision::Direct, vec![failed("fast", error, Some(200))]), "{name}");
        assert_eq!(routed.gw.record(&answer.request_id()).await.outcome, Outcome::Failed, "{name}");
        routed.gw.sim.enqueue(Script::default());
        assert_eq!(routed.gw.chat(&stream("fast")).await.status, 200);
    }
    assert_eq!(routed.backup.requests().len(), 0);
    routed.is_quiet().await;
}

#[tokio::test]
async fn content_is_not_held_back() {
    let routed = Routed::start().await;
    let gw = &routed.gw;
    gw.sim.script(Script::default().chunks(4).stall_after(2));
    let call = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&stream("fast"));
    let mut body = call.send().await.unwrap().bytes_stream();
    let mut seen = String::new();
    while seen.matches("data: ").count() < 3 {
        let chunk = tokio::time::timeout(Duration::from_secs(5), body.next()).await.expect("a chunk was held back");
        seen.push_str(&String::from_utf8_lossy(&chunk.unwrap().unwrap()));
    }
    drop(body);
    let record = gw.only_record().await;
    assert_eq!((record.outcome, record.routing.attempts.len()), (Outcome::Cancelled, 1));
    routed.is_quiet().await;
}

#[tokio::test]
async fn a_stream_whose_candidates_all_fail_before_content_is_an_error_of_its_own_status() {
    let routed = Routed::start_with(impatient, json!({"maxRetries": 1})).await;
    routed.gw.sim.enqueue(Script::default().chunks(3).stall_after(0));
    routed.backup.enqueue(Script::default().stall_before_headers());
    let answer = routed.gw.chat(&stream("fast")).await;
    answer.expect_error(504, "upstream_timeout");
    assert_eq!(routed.way(&answer).await.1, [failed("fast", "timeout", Some(200)), failed("backup", "timeout", None)]);
}

#[tokio::test]
async fn where_time_is_no_trigger_a_slow_stream_is_waited_for() {
    let patient = |config: &mut Config| config.upstream.first_byte_timeout = Duration::from_millis(200);
    let routed = Routed::start_with(patient, json!({"failoverOn": ["5xx"]})).await;
    routed.gw.sim.enqueue(Script::default().chunks(2).chunk_delay(Duration::from_millis(500)));
    let answer = routed.gw.chat(&stream("fast")).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    assert_eq!(routed.way(&answer).await, (RoutingDecision::Direct, vec![served("fast")]));
}
