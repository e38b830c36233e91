use insta::assert_snapshot;
use odock_sim::{Job, Script};
use serde_json::{Value, json};

use super::Talk;
use crate::support::client;

async fn huggingface() -> Talk {
    Talk::start("/huggingface", ("authorization", "Bearer hf_k")).await
}

#[tokio::test]
async fn chat_of_the_router_of_a_model_and_of_a_provider() {
    let talk = huggingface().await;
    let chat = json!({"model": "Qwen/Qwen3-8B", "messages": []});
    assert_snapshot!("huggingface_chat", talk.answer(talk.post("/v1/chat/completions", chat.clone())).await);
    let hosted = talk.post("/hf-inference/models/Qwen/Qwen3-8B/v1/chat/completions", json!({"messages": []}));
    assert!(talk.answer(hosted).await.contains("\"model\":\"Qwen/Qwen3-8B\""));
    let together = talk.answer(talk.post("/together/v1/chat/completions", chat)).await;
    assert!(together.contains("x-inference-provider: together"), "{together}");
    assert!(talk.answer(talk.get("/v1/models")).await.contains("\"providers\""));
}

#[tokio::test]
async fn vectors_nest_as_the_inputs_do() {
    let talk = huggingface().await;
    let path = "/hf-inference/models/BAAI/bge-small/pipeline/feature-extraction";
    assert_snapshot!("huggingface_vector", talk.answer(talk.post(path, json!({"inputs": "one"}))).await);
    assert_snapshot!("huggingface_vectors", talk.answer(talk.post(path, json!({"inputs": ["one", "two"]}))).await);
    let named = talk.answer(talk.post("/pipeline/feature-extraction/a/b", json!({"inputs": "one"}))).await;
    assert!(named.starts_with("200"), "{named}");
}

#[tokio::test]
async fn images_and_films_are_bytes() {
    let talk = huggingface().await;
    let made = async |model: &str| {
        let path = format!("/hf-inference/models/{model}");
        let response = talk.post(&path, json!({"inputs": "A cat"})).send().await.unwrap();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        (kind, response.bytes().await.unwrap())
    };
    let (kind, image) = made("black-forest-labs/FLUX.1-dev").await;
    assert_eq!((kind.as_str(), &image[..4]), ("image/png", &b"\x89PNG"[..]));
    let (kind, film) = made("Wan-AI/Wan2.1-T2V").await;
    assert_eq!((kind.as_str(), &film[4..8]), ("video/mp4", &b"ftyp"[..]));
    talk.script(Script::default().media(&b"jpeg"[..], "image/jpeg"));
    assert_eq!(made("black-forest-labs/FLUX.1-dev").await, ("image/jpeg".to_owned(), "jpeg".into()));
}

#[tokio::test]
async fn speech_comes_raw_or_as_base64() {
    let talk = huggingface().await;
    let path = "/hf-inference/models/openai/whisper-large-v3";
    let raw = talk.post(path, json!(null)).header("content-type", "audio/flac").body("fLaC");
    assert_snapshot!("huggingface_speech", talk.answer(raw).await);
    let coded = talk.answer(talk.post(path, json!({"inputs": "ZkxhQw=="}))).await;
    assert!(coded.starts_with("200"), "{coded}");
}

#[tokio::test]
async fn jobs_are_submitted_followed_and_fetched() {
    let talk = huggingface().await;
    let path = "/fal-ai/fal-ai/ltx-video?_subdomain=queue";
    assert_snapshot!("huggingface_job", talk.answer(talk.post(path, json!({"prompt": "A cat"}))).await);
    let job: Value = talk.post(path, json!({"prompt": "A cat"})).send().await.unwrap().json().await.unwrap();
    let fetch = |url: &str| client().get(url).header("authorization", "Key k");
    let url = |name: &str| job[name].as_str().unwrap();
    for (state, name) in [(Job::Queued, "IN_QUEUE"), (Job::Running, "IN_PROGRESS"), (Job::Done, "COMPLETED")] {
        talk.sim.enqueue(Script::default().job(state));
        let status: Value = fetch(url("status_url")).send().await.unwrap().json().await.unwrap();
        assert_eq!(status["status"], name);
    }
    let result: Value = fetch(url("response_url")).send().await.unwrap().json().await.unwrap();
    let film = client().get(result["video"]["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(film.headers()["content-type"], "video/mp4");
    talk.sim.enqueue(Script::default().job(Job::Failed));
    assert_eq!(fetch(url("response_url")).send().await.unwrap().status(), 422);
}

#[tokio::test]
async fn other_providers_answer_with_links() {
    let talk = huggingface().await;
    let image = talk.post("/fal-ai/fal-ai/flux/dev", json!({"prompt": "A cat"}));
    assert_snapshot!("huggingface_fal_image", talk.answer(image).await);
    let predicted = talk.post("/replicate/v1/models/black-forest-labs/flux/predictions", json!({"input": {}}));
    assert_snapshot!("huggingface_prediction", talk.answer(predicted).await);
}

#[tokio::test]
async fn errors_are_its_own() {
    let talk = huggingface().await;
    assert_snapshot!("huggingface_no_key", talk.answer(talk.without_key("/v1/chat/completions")).await);
    assert_snapshot!("huggingface_unknown", talk.answer(talk.post("/v1/nothing", json!({}))).await);
    assert_snapshot!("huggingface_no_inputs", talk.answer(talk.post("/hf-inference/models/bge", json!({}))).await);
    talk.script(Script::default().status(503));
    let loading = talk.post("/hf-inference/models/bge", json!({"inputs": "x"}));
    assert_snapshot!("huggingface_503", talk.answer(loading).await);
    talk.script(Script::default().status(429));
    assert_snapshot!(
        "huggingface_429",
        talk.answer(talk.post("/v1/chat/completions", json!({"model": "m", "messages": []}))).await
    );
}
