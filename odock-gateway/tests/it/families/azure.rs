//! Azure OpenAI: below OpenAI's routes as an upstream, and its own SDKs as callers.

use entity::resource::ProviderConfig;
use entity::row::provider;
use entity::vocab::ProviderType;
use odock_sim::Script;
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};

use super::forms::Form;
use crate::support::{NewModel, PROVIDER_SECRET, TestGateway};

async fn start() -> TestGateway {
    let gw = TestGateway::start_at(ProviderType::AzureOpenAi, "/azure", |_| {}).await;
    gw.fleet.model(NewModel { slug: Some("my-deployment"), ..NewModel::named("org/gpt") }).await;
    gw
}

async fn pin(gw: &TestGateway, version: &str) {
    let config = ProviderConfig { api_version: Some(version.into()), ..Default::default() };
    gw.fleet.change_provider(provider::ActiveModel { config: Set(config), ..Default::default() }).await;
}

fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Hello!"}]})
}

#[tokio::test]
async fn every_call_is_below_its_deployment_or_below_the_version() {
    let gw = start().await;
    let form = Form::new().text("model", "org/gpt").text("prompt", "A dot").file("image", b"1");
    let calls = [
        ("chat/completions", chat("org/gpt")),
        ("responses", json!({"model": "org/gpt", "input": "Hello!"})),
        ("embeddings", json!({"model": "org/gpt", "input": "one"})),
        ("images/generations", json!({"model": "org/gpt", "prompt": "A dot"})),
    ];
    let dated = |path: &str| match path {
        "responses" => "/azure/openai/responses?api-version=2025-04-01-preview".to_owned(),
        path => format!("/azure/openai/deployments/my-deployment/{path}?api-version=2025-04-01-preview"),
    };
    for version in [None, Some("2025-04-01-preview")] {
        if let Some(version) = version {
            pin(&gw, version).await;
        }
        let expected = |path: &str| version.map_or_else(|| format!("/azure/openai/v1/{path}"), |_| dated(path));
        for (path, body) in &calls {
            let answer = gw.post_json(&format!("/v1/{path}"), body).await;
            let sent = gw.sim.requests().pop().unwrap();
            assert_eq!(sent.path, expected(path));
            assert_eq!((sent.header("api-key"), sent.header("authorization")), (Some(PROVIDER_SECRET), None));
            assert_eq!(sent.json()["model"], "my-deployment");
            // The simulated upstream has no responses of a dated version.
            if (version, *path) != (Some("2025-04-01-preview"), "responses") {
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
        }
        let answer = form.send(&gw, "/v1/images/edits").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(gw.sim.requests().pop().unwrap().path, expected("images/edits"));
    }
}

#[tokio::test]
async fn azures_own_clients_name_the_model_in_the_path_and_the_key_in_a_header_of_its_own() {
    let gw = start().await;
    pin(&gw, "2024-10-21").await;
    let path = "/openai/deployments/org%2Fgpt/chat/completions?api-version=2099-01-01";
    let send = |body: Value| gw.http.post(gw.url(path)).header("api-key", &gw.fleet.secret).json(&body);
    // What the body calls the model counts for nothing.
    for body in [chat("whatever"), json!({"messages": [{"role": "user", "content": "Hello!"}]})] {
        let answer = TestGateway::send(send(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = gw.sim.requests().pop().unwrap();
        assert_eq!(sent.path, "/azure/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21");
        assert_eq!(sent.json()["model"], "my-deployment");
        assert_eq!(gw.record(&answer.request_id()).await.model.as_deref(), Some("org/gpt"));
    }
    let mut stream = chat("whatever");
    stream["stream"] = true.into();
    assert!(TestGateway::send(send(stream)).await.text().ends_with("data: [DONE]\n\n"));
    let unknown = gw.url("/openai/deployments/none/chat/completions");
    let unknown = gw.http.post(unknown).header("api-key", &gw.fleet.secret).json(&chat("fast"));
    TestGateway::send(unknown).await.expect_error(400, "model_not_found");
    let form = Form::new().text("prompt", "A dot").file("image", b"1");
    let answer = form.send(&gw, "/openai/deployments/org%2Fgpt/images/edits").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = gw.sim.requests().pop().unwrap();
    assert!(sent.text().contains("name=\"model\"\r\n\r\nmy-deployment\r\n"), "{}", sent.text());
}

#[tokio::test]
async fn azures_own_errors_pass() {
    let gw = start().await;
    gw.sim.script(Script::default().status(429));
    let answer = gw.post_json("/v1/chat/completions", &chat("org/gpt")).await;
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (429, Some("429")));
    assert_eq!(answer.headers["retry-after-ms"], "1000");
}
