//! Mistral's routes.

use std::time::Duration;

use entity::vocab::{Enforcement, Outcome, ProviderType, UsageSource};
use odock_sim::Script;
use serde_json::{Value, json};

use crate::support::{NewModel, TestGateway};

async fn start() -> TestGateway {
    let gw = TestGateway::start_at(ProviderType::Mistral, "/mistral", |config| {
        config.upstream.stream_idle_timeout = Duration::from_millis(400);
    })
    .await;
    gw.fleet.model(NewModel { slug: Some("mistral-small-latest"), ..NewModel::named("small") }).await;
    let pages = json!({"unit": {"label": "page", "cost_per_1k_units": "1"}});
    let pricing = Some(serde_json::from_value(pages).unwrap());
    gw.fleet.model(NewModel { pricing, slug: Some("mistral-ocr-latest"), ..NewModel::named("reader") }).await;
    gw
}

fn chat() -> Value {
    json!({"model": "small", "messages": [{"role": "user", "content": "Hello!"}]})
}

fn streamed() -> Value {
    json!({"model": "small", "stream": true, "messages": [{"role": "user", "content": "Hello!"}]})
}

#[tokio::test]
async fn every_call_has_two_paths_and_one_upstream() {
    let gw = start().await;
    let document = json!({"type": "document_url", "document_url": "https://example.com/a.pdf"});
    for prefix in ["/v1/mistral", "/v1/mistral/v1"] {
        for (route, body) in [
            ("chat/completions", chat()),
            ("fim/completions", json!({"model": "small", "prompt": "def f(", "suffix": "return a"})),
            ("embeddings", json!({"model": "small", "input": ["one"]})),
            ("moderations", json!({"model": "small", "input": "one"})),
            ("ocr", json!({"model": "reader", "document": document})),
        ] {
            let answer = gw.post_json(&format!("{prefix}/{route}"), &body).await;
            assert_eq!(answer.status, 200, "{route}: {}", answer.text());
            let sent = gw.sim.requests().pop().unwrap();
            assert_eq!(sent.path, format!("/mistral/v1/{route}"));
            let mut expected = body.clone();
            expected["model"] =
                if route == "ocr" { "mistral-ocr-latest".into() } else { "mistral-small-latest".into() };
            assert_eq!(sent.json(), expected, "nothing is added");
            let record = gw.record(&answer.request_id()).await;
            assert_eq!(
                (record.usage_source, record.metadata.usage_mismatch),
                (UsageSource::Reported, false),
                "{route}"
            );
        }
    }
}

#[tokio::test]
async fn the_usage_of_a_stream_comes_unasked_and_passes() {
    let gw = start().await;
    let answer = gw.post_json("/v1/mistral/chat/completions", &streamed()).await;
    assert!(answer.text().contains("\"usage\":{") && answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    assert_eq!(gw.sim.requests()[0].json().get("stream_options"), None, "Mistral refuses options of streams");
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Ok, UsageSource::Reported));
}

#[tokio::test]
async fn a_hard_budget_caps_max_tokens() {
    let gw = start().await;
    let pricing = serde_json::from_value(json!({"output": {"text_cost_per_1k_tokens": "1"}})).unwrap();
    gw.fleet.model(NewModel { pricing: Some(pricing), ..NewModel::named("dear") }).await;
    gw.fleet.budget("cap", "0.05", Enforcement::Hard).await;
    for (route, prompt) in [("chat/completions", "messages"), ("fim/completions", "prompt")] {
        let mut request = json!({"model": "dear"});
        request[prompt] = if prompt == "messages" { chat()["messages"].clone() } else { "def f(".into() };
        let answer = gw.post_json(&format!("/v1/mistral/{route}"), &request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = gw.sim.requests().pop().unwrap().json();
        assert!(sent["max_tokens"].as_u64().is_some_and(|cap| (1..=50).contains(&cap)), "{sent}");
    }
}

#[tokio::test]
async fn documents_are_billed_by_the_page() {
    let gw = start().await;
    gw.sim.script(Script::default().pages(7));
    let document = json!({"type": "document_url", "document_url": "https://example.com/a.pdf"});
    for (more, pages) in [(json!(null), 7), (json!([0, 2]), 2)] {
        let request = json!({"model": "reader", "document": document, "pages": more});
        let answer = gw.post_json("/v1/mistral/ocr", &request).await;
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.tokens.units, record.cost_nanos), (pages, Some(i64::try_from(pages).unwrap() * 1_000_000)));
        assert_eq!(record.bill.unwrap().lines[0].class, "unit:page");
    }
}

#[tokio::test]
async fn a_document_that_a_budget_cannot_pay_for_is_not_read() {
    let gw = start().await;
    gw.fleet.budget("cap", "0.5", Enforcement::Hard).await;
    let mut request = json!({"model": "reader", "document": {"document_url": "https://example.com/a.pdf"}});
    let refused = gw.post_json("/v1/mistral/ocr", &request).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (402, Some("budget_exceeded")));
    request["pages"] = json!([0, 1, 2]);
    assert_eq!(gw.post_json("/v1/mistral/ocr", &request).await.status, 200);
    assert_eq!(gw.sim.requests().len(), 1);
}

#[tokio::test]
async fn errors_have_mistrals_shape_and_streams_end_in_one() {
    let gw = start().await;
    let missing = gw.post_json("/v1/mistral/chat/completions", &json!({"model": "none", "messages": []})).await;
    let body = missing.json();
    assert_eq!((missing.status, &body["object"], &body["code"]), (400, &json!("error"), &json!("model_not_found")));
    assert_eq!(body["error"]["code"], "model_not_found");
    gw.sim.script(Script::default().cut_after(2));
    let answer = gw.post_json("/v1/mistral/chat/completions", &streamed()).await;
    let text = answer.text();
    let last = text.trim_end().rsplit("\n\n").next().unwrap().strip_prefix("data: ").unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!((&last["object"], &last["code"]), (&json!("error"), &json!("upstream_error")));
    assert_eq!(gw.record(&answer.request_id()).await.outcome, Outcome::Failed);
    for status in [422, 429, 500] {
        gw.sim.script(Script::default().status(status));
        let answer = gw.post_json("/v1/mistral/chat/completions", &chat()).await;
        assert_eq!((answer.status, &answer.json()["object"]), (status, &json!("error")), "the upstream's own");
        assert_eq!(answer.json()["raw_status_code"], status);
    }
}
