use insta::assert_snapshot;
use odock_sim::Script;
use serde_json::json;

use super::Talk;

const VERSION: &str = "?api-version=2024-10-21";

async fn azure() -> Talk {
    Talk::start("/azure/openai", ("api-key", "k")).await
}

#[tokio::test]
async fn deployments_stand_in_for_models() {
    let talk = azure().await;
    let chat = json!({"messages": [{"role": "user", "content": "Hi"}]});
    let deployment = |operation: &str| format!("/deployments/dep/{operation}{VERSION}");
    assert_snapshot!("azure_chat", talk.answer(talk.post(&deployment("chat/completions"), chat)).await);
    let embeddings = json!({"input": "x", "dimensions": 2});
    assert_snapshot!("azure_embeddings", talk.answer(talk.post(&deployment("embeddings"), embeddings)).await);
    let speech = talk.upload(&deployment("audio/transcriptions"), &[], ("file", b"RIFF"));
    assert_snapshot!("azure_audio", talk.answer(speech).await);
}

#[tokio::test]
async fn the_first_version_takes_models_of_the_body() {
    let talk = azure().await;
    let response = talk.post("/v1/responses", json!({"model": "gpt-4o", "input": "Hi"}));
    assert_snapshot!("azure_response", talk.answer(response).await);
    let listed = talk.get(&format!("/models{VERSION}")).send().await.unwrap();
    assert_eq!(listed.status(), 200);
}

#[tokio::test]
async fn errors_are_azures() {
    let talk = azure().await;
    let path = format!("/deployments/dep/chat/completions{VERSION}");
    assert_snapshot!("azure_no_key", talk.answer(talk.without_key(&path)).await);
    let unversioned = talk.post("/deployments/dep/chat/completions", json!({"messages": []}));
    assert_snapshot!("azure_unversioned", talk.answer(unversioned).await);
    talk.script(Script::default().status(429));
    assert_snapshot!("azure_429", talk.answer(talk.post(&path, json!({"messages": []}))).await);
}
