//! Bad days of an upstream: each ends in the specified error, one record, nothing leaked, the upstream let go.

use std::time::Duration;

use entity::row::provider;
use entity::vocab::Outcome;
use odock_gateway::config::Config;
use odock_sim::Script;
use sea_orm::ActiveValue::Set;
use serde_json::json;

use crate::support::{PROVIDER_SECRET, TestGateway, chat, eventually};

fn impatient(config: &mut Config) {
    config.upstream.first_byte_timeout = Duration::from_millis(300);
    config.upstream.total_timeout = Duration::from_millis(600);
}

#[tokio::test]
async fn an_upstream_that_misbehaves_is_a_502_or_504() {
    let cases = [
        ("stall", Script::default().stall_before_headers(), 504, "upstream_timeout", "timeout"),
        ("reset", Script::default().reset(), 502, "upstream_error", "reset"),
        ("garbage", Script::default().garbage(), 502, "upstream_error", "malformed"),
        ("half", Script::default().half_body(), 502, "upstream_error", "reset"),
    ];
    for (name, script, status, code, error) in cases {
        let gw = TestGateway::start_with(impatient).await;
        gw.sim.script(script);
        let answer = gw.chat(&chat("fast")).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{name}: {}", answer.text());
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.outcome, record.status), (Outcome::Failed, i32::from(status)), "{name}");
        assert_eq!(record.routing.attempts[0].error.as_deref(), Some(error), "{name}");
        assert_eq!(record.error_code.as_deref(), Some(code), "{name}");
    }
}

#[tokio::test]
async fn an_upstream_that_refuses_the_connection_is_a_502() {
    let gw = TestGateway::start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    gw.fleet
        .change_provider(provider::ActiveModel { base_url: Set(Some(format!("http://{free}"))), ..Default::default() })
        .await;
    let answer = gw.chat(&chat("fast")).await;
    answer.expect_error(502, "upstream_error");
    assert_eq!(gw.record(&answer.request_id()).await.routing.attempts[0].error.as_deref(), Some("refused"));
}

#[tokio::test]
async fn an_upstreams_own_error_keeps_status_and_body() {
    let gw = TestGateway::start().await;
    for status in [400, 404, 422, 429, 500, 503] {
        let body = json!({"error":{"message":"no","type":"x","param":"messages","code":"context_length_exceeded"},"extra":[1]});
        gw.sim.enqueue(Script::default().status(status).body(body.clone()).header("retry-after", "7"));
        let answer = gw.chat(&chat("fast")).await;
        assert_eq!((answer.status, answer.json()), (status, body));
        assert_eq!(answer.headers["retry-after"], "7");
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.outcome, record.status), (Outcome::Failed, i32::from(status)));
        assert_eq!(record.error_code.as_deref(), Some("upstream_error"));
    }
}

#[tokio::test]
async fn the_gateways_own_credential_is_none_of_the_callers_business() {
    let gw = TestGateway::start().await;
    for status in [401, 403] {
        gw.sim.enqueue(
            Script::default().status(status).body(json!({"error":{"message":format!("bad key {PROVIDER_SECRET}")}})),
        );
        let answer = gw.chat(&chat("fast")).await;
        answer.expect_error(502, "upstream_error");
        assert!(!answer.text().contains(PROVIDER_SECRET));
    }
    gw.sim
        .enqueue(Script::default().status(400).body(json!({"error":{"message":format!("bad key {PROVIDER_SECRET}")}})));
    let answer = gw.chat(&chat("fast")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("[redacted]") && !answer.text().contains(PROVIDER_SECRET));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let gw = TestGateway::start().await;
    gw.sim.enqueue(Script::default().redirect("http://169.254.169.254/latest/meta-data"));
    gw.chat(&chat("fast")).await.expect_error(502, "upstream_error");
    assert_eq!(gw.sim.requests().len(), 1);
}

#[tokio::test]
async fn an_enormous_answer_is_not_swallowed() {
    let gw = TestGateway::start_with(|config| config.upstream.max_response_bytes = 1 << 20).await;
    gw.sim.enqueue(Script::default().raw_body(vec![b'x'; 4 << 20], "application/json"));
    gw.chat(&chat("fast")).await.expect_error(502, "upstream_error");
}

#[tokio::test]
async fn a_caller_who_hangs_up_leaves_a_record_and_the_upstream_is_let_go() {
    let gw = TestGateway::start().await;
    gw.sim.enqueue(Script::default().stall_before_headers());
    let call = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&chat("fast"));
    let call = tokio::spawn(call.send());
    gw.sim.wait_for_requests(1).await;
    call.abort();
    let record = gw.only_record().await;
    assert_eq!((record.outcome, record.status), (Outcome::Cancelled, 499));
    let sim = &gw.sim;
    eventually("the upstream to notice", || async { sim.requests()[0].cancelled().then_some(()) }).await;
    assert_eq!(gw.running.gateway.in_flight.load(std::sync::atomic::Ordering::Relaxed), 0);
}
