//! OpenAI's responses and embeddings.

use std::time::Duration;

use entity::pricing::Pricing;
use entity::vocab::{Enforcement, Outcome, ProviderType, UsageSource};
use odock_sim::Script;
use serde_json::{Value, json};

use crate::support::{NewModel, TestGateway};

const REQUEST: &str = include_str!("../../fixtures/openai/responses_request.json");
const ANSWER: &str = include_str!("../../fixtures/openai/responses_answer.json");
const STREAM: &str = include_str!("../../fixtures/openai/responses_stream.txt");

async fn start() -> TestGateway {
    let gw = TestGateway::start_with(|config| config.upstream.stream_idle_timeout = Duration::from_millis(400)).await;
    gw.fleet.model(NewModel { slug: Some("gpt-5-mini"), ..NewModel::named("smart") }).await;
    gw
}

fn ask() -> Value {
    json!({"model": "smart", "input": "Say hello."})
}

fn streamed() -> Value {
    json!({"model": "smart", "input": "Say hello.", "stream": true})
}

/// The last event of a stream, if it is the gateway's error event.
fn error_of(stream: &str) -> Value {
    let last = stream.trim_end().rsplit("\n\n").next().unwrap();
    serde_json::from_str(last.strip_prefix("event: error\ndata: ").unwrap_or_else(|| panic!("{last}"))).unwrap()
}

#[tokio::test]
async fn a_response_passes_as_it_came_both_ways() {
    let gw = start().await;
    gw.sim.script(Script::default().body(ANSWER));
    let answer = gw.post("/v1/responses", REQUEST).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, ANSWER));
    let sent = gw.sim.requests().remove(0);
    assert_eq!(sent.text(), REQUEST.replace("\"smart\"", "\"gpt-5-mini\""));
    assert_eq!(sent.path, "/v1/responses");
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens_in, record.tokens_out), (328, 52));
    let tokens = &record.tokens;
    assert_eq!((tokens.input_text, tokens.input_cached), (28, 300));
    assert_eq!((tokens.output_text, tokens.output_reasoning), (20, 32));
    assert_eq!(record.usage_source, UsageSource::Reported);
}

#[tokio::test]
async fn a_stream_of_responses_passes_byte_for_byte_and_its_last_event_is_billed() {
    let gw = start().await;
    gw.sim.script(Script::default().raw_body(STREAM, "text/event-stream; charset=utf-8"));
    let answer = gw.post_json("/v1/responses", &streamed()).await;
    assert_eq!(answer.text(), STREAM);
    assert_eq!(gw.sim.requests()[0].json(), json!({"model": "gpt-5-mini", "input": "Say hello.", "stream": true}));
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens_in, record.tokens_out, record.outcome), (37, 11, Outcome::Ok));
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error_event_with_the_next_number() {
    let gw = start().await;
    for (script, code) in [
        (Script::default().cut_after(2), "upstream_error"),
        (Script::default().end_after(2), "upstream_error"),
        (Script::default().no_done(), "upstream_error"),
        (Script::default().stall_after(2), "upstream_timeout"),
    ] {
        gw.sim.script(script.text("one two three four five six").chunks(6));
        let answer = gw.post_json("/v1/responses", &streamed()).await;
        let error = error_of(&answer.text());
        assert_eq!((error["type"].as_str(), error["code"].as_str()), (Some("error"), Some(code)));
        assert_eq!(error["error"]["code"], code);
        let numbers: Vec<u64> = answer
            .text()
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
            .map(|event| event["sequence_number"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>(), "{}", answer.text());
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.outcome, record.usage_source), (Outcome::Failed, UsageSource::Estimated));
        assert!(record.tokens_in > 0 && record.tokens_out > 0);
    }
}

#[tokio::test]
async fn an_error_of_the_upstream_in_a_stream_is_a_failure() {
    let gw = start().await;
    gw.sim.script(Script::default().error_after(2));
    let answer = gw.post_json("/v1/responses", &streamed()).await;
    assert!(answer.text().contains("event: error\n"), "{}", answer.text());
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.outcome, record.error_code.as_deref()), (Outcome::Failed, Some("upstream_error")));
}

#[tokio::test]
async fn a_response_without_usage_is_estimated() {
    let gw = start().await;
    gw.sim.script(Script::default().no_usage());
    for request in [ask(), streamed()] {
        let record = gw.record(&gw.post_json("/v1/responses", &request).await.request_id()).await;
        assert_eq!((record.usage_source, record.outcome), (UsageSource::Estimated, Outcome::Ok));
        assert!(record.tokens_in > 0 && record.tokens_out > 0, "{:?}", record.tokens);
    }
}

#[tokio::test]
async fn garbage_for_a_response_is_a_502() {
    let gw = start().await;
    gw.sim.script(Script::default().garbage());
    gw.post_json("/v1/responses", &ask()).await.expect_error(502, "upstream_error");
}

fn dear() -> Pricing {
    serde_json::from_value(
        json!({"input": {"text_cost_per_1k_tokens": "0.001"}, "output": {"text_cost_per_1k_tokens": "1"}}),
    )
    .unwrap()
}

#[tokio::test]
async fn a_hard_budget_caps_the_output_tokens_of_a_response() {
    let gw = start().await;
    gw.fleet.model(NewModel { pricing: Some(dear()), ..NewModel::named("dear") }).await;
    gw.fleet.budget("cap", "0.1", Enforcement::Hard).await;
    for (asked, capped) in [(None, true), (Some(5_000), true), (Some(20), false)] {
        let mut request = json!({"model": "dear", "input": "Say hello."});
        if let Some(asked) = asked {
            request["max_output_tokens"] = asked.into();
        }
        let answer = gw.post_json("/v1/responses", &request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = gw.sim.requests().pop().unwrap().json()["max_output_tokens"].as_u64().unwrap();
        assert!(if capped { sent < 100 } else { sent == 20 }, "{sent}");
    }
}

#[tokio::test]
async fn a_conversation_that_the_upstream_keeps_is_paid_for_beforehand() {
    let gw = start().await;
    let input_is_dear = json!({"input": {"text_cost_per_1k_tokens": "0.001"}});
    let pricing = Some(serde_json::from_value(input_is_dear).unwrap());
    gw.fleet.model(NewModel { pricing, ..NewModel::named("long") }).await;
    // 128 000 tokens would cost twelve cents.
    gw.fleet.budget("cap", "0.1", Enforcement::Hard).await;
    let mut request = json!({"model": "long", "input": "And now?"});
    assert_eq!(gw.post_json("/v1/responses", &request).await.status, 200);
    request["previous_response_id"] = "resp_1".into();
    gw.post_json("/v1/responses", &request).await.expect_error(402, "budget_exceeded");
}

#[tokio::test]
async fn embeddings_pass_as_they_came_and_have_a_class_of_their_own() {
    let gw = start().await;
    let pricing = Some(serde_json::from_value(json!({"embeddings_cost_per_1k_tokens": "0.02"})).unwrap());
    gw.fleet.model(NewModel { pricing, slug: Some("text-embedding-3-small"), ..NewModel::named("vectors") }).await;
    for format in ["float", "base64"] {
        gw.sim.script(Script::default().usage(8, 0));
        let request = json!({"model": "vectors", "input": ["one", "two"], "encoding_format": format, "dimensions": 8});
        let answer = gw.post_json("/v1/embeddings", &request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let first = &answer.json()["data"][0]["embedding"];
        assert_eq!(first.is_string(), format == "base64");
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.tokens.embeddings, record.tokens_in, record.tokens_out), (8, 8, 0));
        assert_eq!(record.cost_nanos, Some(160_000));
    }
    gw.sim.script(Script::default().no_usage());
    let answer = gw.post_json("/v1/embeddings", &json!({"model": "vectors", "input": "twelve bytes"})).await;
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.usage_source, record.tokens.embeddings), (UsageSource::Estimated, 4));
    assert_eq!(record.cost_nanos, Some(80_000));
}

#[tokio::test]
async fn an_embedding_makes_no_tokens_and_needs_no_cap() {
    let gw = start().await;
    gw.fleet.model(NewModel { pricing: Some(dear()), ..NewModel::named("dear") }).await;
    gw.fleet.budget("cap", "0.01", Enforcement::Hard).await;
    let answer = gw.post_json("/v1/embeddings", &json!({"model": "dear", "input": "one"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(gw.sim.requests()[0].json(), json!({"model": "dear", "input": "one"}));
}

#[tokio::test]
async fn a_route_stays_in_its_family() {
    let gw = TestGateway::start_at(ProviderType::Mistral, "/mistral", |_| {}).await;
    for (path, body) in [
        ("/v1/responses", json!({"model": "fast", "input": "x"})),
        ("/v1/embeddings", json!({"model": "fast", "input": "x"})),
        ("/v1/images/generations", json!({"model": "fast", "prompt": "x"})),
        ("/v1/vllm/tokenize", json!({"model": "fast", "prompt": "x"})),
    ] {
        gw.post_json(path, &body).await.expect_error(400, "provider_not_allowed");
    }
    assert!(gw.sim.requests().is_empty());
}

#[tokio::test]
async fn a_response_in_the_background_is_refused() {
    let gw = TestGateway::start().await;
    let ask = |background: Value| json!({"model": "fast", "input": "hi", "background": background});
    let refused = gw.post_json("/v1/responses", &ask(json!(true))).await;
    refused.expect_error(400, "invalid_request_body");
    assert!(refused.text().contains("background"), "{}", refused.text());
    assert_eq!(gw.sim.requests().len(), 0);
    for allowed in [json!(false), Value::Null] {
        assert_eq!(gw.post_json("/v1/responses", &ask(allowed)).await.status, 200);
    }
}

#[tokio::test]
async fn completions_of_old_are_served_too() {
    let gw = TestGateway::start().await;
    gw.sim.script(Script::default().usage(3, 4));
    for path in ["/v1/completions", "/openai/deployments/fast/completions"] {
        let answer = gw.post_json(path, &json!({"model": "fast", "prompt": "Say hello.", "max_tokens": 9})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.tokens_in, record.tokens_out), (3, 4));
    }
}
