//! vLLM's routes.

use entity::row::provider;
use entity::vocab::{Outcome, ProviderType, UsageSource};
use odock_sim::Script;
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};

use super::forms::Form;
use crate::support::{NewModel, TestGateway};

async fn start() -> TestGateway {
    let gw = TestGateway::start_at(ProviderType::Vllm, "/vllm", |_| {}).await;
    gw.fleet.model(NewModel { slug: Some("meta-llama/Llama-3"), ..NewModel::named("llama") }).await;
    gw
}

fn calls() -> Vec<(&'static str, &'static str, Value)> {
    let messages = json!([{"role": "user", "content": "Hello!"}]);
    vec![
        ("chat/completions", "/v1/chat/completions", json!({"messages": messages})),
        ("completions", "/v1/completions", json!({"prompt": "Once"})),
        ("responses", "/v1/responses", json!({"input": "Hello!"})),
        ("embeddings", "/v1/embeddings", json!({"input": "one"})),
        ("tokenize", "/tokenize", json!({"prompt": "Once"})),
        ("pooling", "/pooling", json!({"input": ["one"]})),
        ("classify", "/classify", json!({"input": ["one"]})),
        ("score", "/score", json!({"text_1": "one", "text_2": ["one", "two"]})),
        ("rerank", "/rerank", json!({"query": "one", "documents": ["one", "two"]})),
    ]
}

#[tokio::test]
async fn every_call_reaches_its_own_path_wherever_the_version_stands() {
    let gw = start().await;
    for base in ["/vllm", "/vllm/v1"] {
        let base_url = Set(Some(gw.sim.base_url() + base));
        gw.fleet.change_provider(provider::ActiveModel { base_url, ..Default::default() }).await;
        for (route, path, mut body) in calls() {
            body["model"] = "llama".into();
            let answer = gw.post_json(&format!("/v1/vllm/{route}"), &body).await;
            assert_eq!(answer.status, 200, "{route}: {}", answer.text());
            let sent = gw.sim.requests().pop().unwrap();
            assert_eq!(sent.path, format!("/vllm{path}"), "{base}");
            assert_eq!(sent.json()["model"], "meta-llama/Llama-3");
            let record = gw.record(&answer.request_id()).await;
            assert_eq!(record.usage_source, UsageSource::Reported, "{route}");
            assert_eq!(record.tokens_in > 0, route != "tokenize", "{route}: {:?}", record.tokens);
            assert!(!record.metadata.usage_mismatch, "{route}: {:?}", record.tokens);
        }
    }
}

#[tokio::test]
async fn what_only_counts_tokens_costs_nothing() {
    let gw = start().await;
    let pricing = serde_json::from_value(json!({"input": {"text_cost_per_1k_tokens": "1"}})).unwrap();
    gw.fleet.model(NewModel { pricing: Some(pricing), ..NewModel::named("dear") }).await;
    let tokens = gw.post_json("/v1/vllm/tokenize", &json!({"model": "dear", "prompt": "Once upon"})).await.json();
    let request = json!({"model": "dear", "tokens": tokens["tokens"]});
    let answer = gw.post_json("/v1/vllm/detokenize", &request).await;
    assert_eq!(answer.json()["prompt"], "Once upon");
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.cost_nanos, record.tokens.total, record.usage_source), (Some(0), 0, UsageSource::Reported));
    assert_eq!(gw.sim.requests()[1].path, "/vllm/detokenize");
}

#[tokio::test]
async fn streams_ask_for_usage_and_withhold_it() {
    let gw = start().await;
    for (route, body) in [
        ("chat/completions", json!({"messages": [{"role": "user", "content": "Hello!"}]})),
        ("completions", json!({"prompt": ["One", "Two"]})),
    ] {
        let mut body = body;
        (body["model"], body["stream"]) = ("llama".into(), true.into());
        let answer = gw.post_json(&format!("/v1/vllm/{route}"), &body).await;
        assert!(answer.text().ends_with("data: [DONE]\n\n") && !answer.text().contains("\"choices\":[]"), "{route}");
        assert_eq!(gw.sim.requests().pop().unwrap().json()["stream_options"]["include_usage"], true);
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.outcome, record.usage_source), (Outcome::Ok, UsageSource::Reported));
    }
}

#[tokio::test]
async fn speech_is_a_form_and_is_counted_by_the_second() {
    let gw = start().await;
    let pricing = json!({"unit": {"label": "second", "cost_per_1k_units": "0.1"}});
    let pricing = Some(serde_json::from_value(pricing).unwrap());
    gw.fleet.model(NewModel { pricing, slug: Some("whisper-large"), ..NewModel::named("scribe") }).await;
    let recording = vec![7; 64_001];
    for task in ["transcriptions", "translations"] {
        let form = |model: &str| Form::new().file("file", &recording).text("model", model);
        let answer = form("scribe").send(&gw, &format!("/v1/vllm/audio/{task}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = gw.sim.requests().pop().unwrap();
        assert_eq!(sent.path, format!("/vllm/v1/audio/{task}"));
        assert!(sent.body == form("whisper-large").body());
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.tokens.units, record.cost_nanos), (3, Some(300_000)));
    }
}

#[tokio::test]
async fn speech_may_be_answered_as_text_or_in_chunks() {
    let gw = start().await;
    let form = || Form::new().text("model", "llama").file("file", &[7; 40_000]);
    for format in ["text", "srt", "vtt"] {
        let answer = form().text("response_format", format).send(&gw, "/v1/vllm/audio/transcriptions").await;
        assert!(answer.status == 200 && answer.text().contains("Hello"), "{}", answer.text());
        let record = gw.record(&answer.request_id()).await;
        assert_eq!(record.usage_source, UsageSource::Estimated);
        assert!(record.tokens.input_audio > 0 && record.tokens_out > 0, "{:?}", record.tokens);
    }
    let answer = form().text("stream", "true").send(&gw, "/v1/vllm/audio/transcriptions").await;
    let sent = gw.sim.requests().pop().unwrap();
    assert!(sent.text().contains("name=\"stream_include_usage\"\r\n\r\ntrue\r\n"), "usage is asked for");
    assert_eq!(gw.record(&answer.request_id()).await.outcome, Outcome::Ok);
    gw.sim.script(Script::default().garbage());
    form().send(&gw, "/v1/vllm/audio/transcriptions").await.expect_error(502, "upstream_error");
}

#[tokio::test]
async fn chunks_of_speech_as_vllm_writes_them_are_billed_without_their_usage_event() {
    const CHUNKS: &str = include_str!("../../fixtures/vllm/transcription_stream.txt");
    let gw = start().await;
    gw.sim.script(Script::default().raw_body(CHUNKS, "text/event-stream; charset=utf-8"));
    let form = Form::new().text("model", "llama").text("stream", "true").file("file", b"RIFF");
    let answer = form.send(&gw, "/v1/vllm/audio/transcriptions").await;
    let usage = CHUNKS.split_inclusive("\n\n").find(|event| event.contains("\"choices\":[]")).unwrap();
    assert_eq!(answer.text(), CHUNKS.replace(usage, ""));
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens_in, record.tokens_out, record.outcome), (1_500, 4, Outcome::Ok));
}
