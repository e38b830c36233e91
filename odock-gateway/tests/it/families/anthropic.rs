//! Anthropic's routes.

use std::time::Duration;

use entity::pricing::Pricing;
use entity::vocab::{Enforcement, Outcome, ProviderType, UsageSource};
use odock_sim::Script;
use serde_json::{Value, json};

use crate::support::{Answer, NewModel, PROVIDER_SECRET, TestGateway};

const REQUEST: &str = include_str!("../../../src/providers/anthropic/golden/request.json");
const ANSWER: &str = include_str!("../../../src/providers/anthropic/golden/answer.json");
const STREAM: &str = include_str!("../../../src/providers/anthropic/golden/stream.txt");

async fn start() -> TestGateway {
    let gw = TestGateway::start_at(ProviderType::Anthropic, "/anthropic", |config| {
        config.upstream.stream_idle_timeout = Duration::from_millis(400);
    })
    .await;
    gw.fleet.model(NewModel { slug: Some("claude-sonnet-4-5"), ..NewModel::named("smart") }).await;
    gw
}

fn ask() -> Value {
    json!({"model": "smart", "max_tokens": 500, "messages": [{"role": "user", "content": "Say hello."}]})
}

fn streamed() -> Value {
    let mut request = ask();
    request["stream"] = true.into();
    request
}

/// The gateway's error in Anthropic's shape.
fn expect_error(answer: &Answer, status: u16, kind: &str, code: &str) {
    let body = answer.json();
    assert_eq!(answer.status, status, "{body}");
    assert_eq!((body["type"].as_str(), body["error"]["type"].as_str()), (Some("error"), Some(kind)), "{body}");
    assert_eq!(body["error"]["code"], code);
    assert_eq!(
        (body["request_id"].as_str().unwrap(), &answer.headers["request-id"]),
        (&*answer.request_id(), &answer.headers["x-request-id"])
    );
}

#[tokio::test]
async fn a_message_passes_as_it_came_both_ways() {
    let gw = start().await;
    gw.sim.script(
        Script::default().body(ANSWER).header("request-id", "req_011").header("anthropic-organization-id", "o"),
    );
    let request = gw.http.post(gw.url("/v1/messages?beta=true&key=x")).header("x-api-key", &gw.fleet.secret);
    let request = request.header("anthropic-beta", "context-1m-2025-08-07").header("anthropic-version", "2099-01-01");
    let answer = TestGateway::send(request.header("content-type", "application/json").body(REQUEST)).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, ANSWER));
    assert_eq!(answer.headers["request-id"], "req_011");
    assert!(!answer.headers.contains_key("anthropic-organization-id"));
    let sent = &gw.sim.requests()[0];
    assert_eq!(sent.path, "/anthropic/v1/messages?beta=true");
    assert_eq!(sent.text(), REQUEST.replace("\"smart\"", "\"claude-sonnet-4-5\""));
    assert_eq!(
        (sent.header("anthropic-beta"), sent.header("anthropic-version")),
        (Some("context-1m-2025-08-07"), Some("2099-01-01"))
    );
    assert_eq!((sent.header("x-api-key"), sent.header("authorization")), (Some(PROVIDER_SECRET), None));
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens_in, record.tokens_out, record.usage_source), (2_009, 305, UsageSource::Reported));
    assert_eq!(record.provider_request_id.as_deref(), Some("req_011"));
}

#[tokio::test]
async fn callers_who_name_no_version_speak_the_first() {
    let gw = start().await;
    assert_eq!(gw.post_json("/v1/messages", &ask()).await.status, 200);
    assert_eq!(gw.sim.requests()[0].header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(gw.sim.requests()[0].path, "/anthropic/v1/messages");
}

#[tokio::test]
async fn a_stream_passes_byte_for_byte_and_is_billed_by_its_last_usage() {
    let gw = start().await;
    gw.sim.script(Script::default().raw_body(STREAM, "text/event-stream; charset=utf-8"));
    let answer = gw.post_json("/v1/messages", &streamed()).await;
    assert_eq!(answer.text(), STREAM);
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens_in, record.tokens_out, record.outcome), (1_025, 89, Outcome::Ok));
    assert_eq!(gw.sim.requests()[0].json(), {
        let mut expected = streamed();
        expected["model"] = "claude-sonnet-4-5".into();
        expected
    });
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error_event_and_keeps_what_was_said_of_its_prompt() {
    let gw = start().await;
    let words = "word ".repeat(40);
    for (script, code, kind) in [
        (Script::default().cut_after(4), "upstream_error", "api_error"),
        (Script::default().end_after(4), "upstream_error", "api_error"),
        (Script::default().stall_after(4), "upstream_timeout", "timeout_error"),
    ] {
        let cached = json!({"input_tokens": 7, "cache_read_input_tokens": 900});
        gw.sim.script(script.text(&words).chunks(9).usage_detail(cached));
        let answer = gw.post_json("/v1/messages", &streamed()).await;
        let (events, last) = (answer.text(), answer.text());
        assert!(events.starts_with("event: message_start\n") && !events.contains("message_stop"), "{events}");
        let last = last.trim_end().rsplit("\n\n").next().unwrap().strip_prefix("event: error\ndata: ").unwrap();
        let last: Value = serde_json::from_str(last).unwrap();
        assert_eq!((last["type"].as_str(), last["error"]["type"].as_str()), (Some("error"), Some(kind)));
        assert_eq!(last["error"]["code"], code);
        let record = gw.record(&answer.request_id()).await;
        assert_eq!(
            (record.outcome, record.usage_source, record.tokens_in),
            (Outcome::Failed, UsageSource::Estimated, 907)
        );
        assert_eq!(record.tokens.input_cached, 900);
        assert!((5..60).contains(&record.tokens_out), "{}", record.tokens_out);
    }
}

#[tokio::test]
async fn an_upstreams_error_event_is_a_failed_request() {
    let gw = start().await;
    gw.sim.script(Script::default().chunks(9).error_after(2));
    let answer = gw.post_json("/v1/messages", &streamed()).await;
    assert_eq!(answer.text().matches("event: error").count(), 1, "{}", answer.text());
    assert!(answer.text().contains("overloaded_error"));
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.outcome, record.error_code.as_deref()), (Outcome::Failed, Some("upstream_error")));
    assert!(record.tokens_out > 0);
}

#[tokio::test]
async fn odd_streams_are_served_and_billed() {
    let gw = start().await;
    for (script, source, out) in [
        (Script::default().chunks(3).usage(5, 30).no_done(), UsageSource::Reported, 30..31),
        (Script::default().chunks(3).usage(5, 30).split_events(7), UsageSource::Reported, 30..31),
        (Script::default().chunks(3).usage(0, 0), UsageSource::Reported, 0..1),
        (Script::default().chunks(3).no_usage(), UsageSource::Estimated, 3..30),
        (Script::default().chunks(3).usage(5, 30).garbage(), UsageSource::Reported, 30..31),
    ] {
        gw.sim.script(script);
        let answer = gw.post_json("/v1/messages", &streamed()).await;
        assert!(!answer.text().contains("event: error"), "{}", answer.text());
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.outcome, record.usage_source), (Outcome::Ok, source), "{}", answer.text());
        assert!(out.contains(&record.tokens_out), "{}", record.tokens_out);
    }
}

#[tokio::test]
async fn answers_without_usage_are_estimated_and_garbage_is_refused() {
    let gw = start().await;
    gw.sim.script(Script::default().no_usage());
    let answer = gw.post_json("/v1/messages", &ask()).await;
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((answer.status, record.usage_source), (200, UsageSource::Estimated));
    assert!(record.tokens_in > 0 && record.tokens_out > 0);
    gw.sim.script(Script::default().garbage());
    expect_error(&gw.post_json("/v1/messages", &ask()).await, 502, "api_error", "upstream_error");
    gw.sim.script(Script::default().half_body());
    expect_error(&gw.post_json("/v1/messages", &ask()).await, 502, "api_error", "upstream_error");
}

#[tokio::test]
async fn counting_tokens_consumes_nothing() {
    let gw = start().await;
    let model = NewModel { pricing: Some(price()), slug: Some("claude-sonnet-4-5"), ..NewModel::named("dear") };
    gw.fleet.model(model).await;
    gw.fleet.budget("tiny", "0.000000001", Enforcement::Hard).await;
    let request = json!({"model": "dear", "messages": [{"role": "user", "content": "x".repeat(4_000)}]});
    let answer = gw.post_json("/v1/messages/count_tokens?beta=true", &request).await;
    assert_eq!((answer.status, answer.json()["input_tokens"].as_u64().is_some()), (200, true), "{}", answer.text());
    assert_eq!(gw.sim.requests()[0].path, "/anthropic/v1/messages/count_tokens?beta=true");
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens_in, record.tokens_out, record.cost_nanos), (0, 0, Some(0)));
}

fn price() -> Pricing {
    serde_json::from_value(
        json!({"input": {"text_cost_per_1k_tokens": "1.00"}, "output": {"text_cost_per_1k_tokens": "1.00"}}),
    )
    .unwrap()
}

#[tokio::test]
async fn a_hard_budget_caps_the_answer() {
    let gw = start().await;
    let model = NewModel { pricing: Some(price()), slug: Some("claude-sonnet-4-5"), ..NewModel::named("dear") };
    gw.fleet.model(model).await;
    gw.fleet.budget("small", "0.40", Enforcement::Hard).await;
    let request = json!({"model": "dear", "max_tokens": 50_000, "messages": [{"role": "user", "content": "x"}]});
    let answer = gw.post_json("/v1/messages", &request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cap = gw.sim.requests()[0].json()["max_tokens"].as_u64().unwrap();
    assert!((1..400).contains(&cap), "{cap}");
    let large = json!({"model": "dear", "max_tokens": 1, "messages": [{"role": "user", "content": "x".repeat(9_000)}]});
    expect_error(&gw.post_json("/v1/messages", &large).await, 402, "billing_error", "budget_exceeded");
}

#[tokio::test]
async fn errors_have_anthropics_shape_and_an_upstreams_pass() {
    let gw = start().await;
    let request = async |body: Value| gw.post_json("/v1/messages", &body).await;
    expect_error(&request(json!({"max_tokens": 1})).await, 400, "invalid_request_error", "invalid_request_body");
    expect_error(&request(json!({"model": "unknown"})).await, 400, "invalid_request_error", "model_not_found");
    let stranger = gw.http.post(gw.url("/v1/messages")).header("x-api-key", "sk-odock-x").json(&ask());
    expect_error(&TestGateway::send(stranger).await, 401, "authentication_error", "unauthorized");
    let openai = gw.post_json("/v1/chat/completions", &ask()).await;
    openai.expect_error(400, "provider_not_allowed");
    gw.sim.script(Script::default().status(529));
    let answer = request(ask()).await;
    assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (529, Some("overloaded_error")));
}

#[tokio::test]
async fn models_are_listed_in_the_callers_shape() {
    let gw = start().await;
    let list = |version: bool| {
        let request = gw.http.get(gw.url("/v1/models?limit=1000")).header("x-api-key", &gw.fleet.secret);
        TestGateway::send(if version { request.header("anthropic-version", "2023-06-01") } else { request })
    };
    let models = list(true).await.json();
    assert_eq!(
        (models["has_more"].as_bool(), models["first_id"].as_str(), models["last_id"].as_str()),
        (Some(false), Some("fast"), Some("smart"))
    );
    assert_eq!((models["data"][1]["type"].as_str(), models["data"][1]["id"].as_str()), (Some("model"), Some("smart")));
    assert!(models["data"][1]["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(list(false).await.json()["object"], "list");
    let one = gw.http.get(gw.url("/v1/models/nothing")).header("x-api-key", &gw.fleet.secret);
    let one = TestGateway::send(one.header("anthropic-version", "2023-06-01")).await;
    assert_eq!((one.status, one.json()["type"].as_str()), (400, Some("error")));
}
