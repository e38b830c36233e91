use insta::assert_snapshot;
use odock_sim::Script;
use serde_json::{Value, json};

use super::Talk;

async fn vllm() -> Talk {
    Talk::start("/vllm", ("authorization", "Bearer k")).await
}

#[tokio::test]
async fn chat_reasons_in_its_own_field() {
    let talk = vllm().await;
    talk.script(Script::default().text("Oslo.").reasoning("Norway's capital."));
    let chat = |stream: bool| {
        let body = json!({"model": "q", "messages": [], "stream": stream, "stream_options": {"include_usage": true}});
        talk.post("/v1/chat/completions", body)
    };
    assert_snapshot!("vllm_chat", talk.answer(chat(false)).await);
    assert_snapshot!("vllm_chat_stream", talk.answer(chat(true)).await);
}

#[tokio::test]
async fn pooling_classes_scores_and_ranks() {
    let talk = vllm().await;
    for (name, body) in [
        ("pooling", json!({"model": "q", "input": ["one", "two"]})),
        ("classify", json!({"model": "q", "input": ["one", "two"]})),
        ("score", json!({"model": "q", "text_1": "one", "text_2": ["one", "two"]})),
        ("rerank", json!({"model": "q", "query": "two", "documents": ["one", "two"], "top_n": 1})),
    ] {
        let at_root = talk.answer(talk.post(&format!("/{name}"), body.clone())).await;
        assert_snapshot!(format!("vllm_{name}"), at_root);
        let below = talk.answer(talk.post(&format!("/v1/{name}"), body)).await;
        assert!(below.starts_with("200"), "{below}");
    }
    let uneven = json!({"model": "q", "text_1": ["a", "b"], "text_2": ["a", "b", "c"]});
    assert_snapshot!("vllm_score_uneven", talk.answer(talk.post("/score", uneven)).await);
}

#[tokio::test]
async fn tokens_go_there_and_back() {
    let talk = vllm().await;
    let tokenize = talk.post("/tokenize", json!({"prompt": "Grüße", "return_token_strs": true}));
    assert_snapshot!("vllm_tokenize", talk.answer(tokenize).await);
    let tokens: Value = talk.post("/tokenize", json!({"prompt": "Grüße"})).send().await.unwrap().json().await.unwrap();
    let back = talk.post("/detokenize", json!({"tokens": tokens["tokens"]}));
    assert_snapshot!("vllm_detokenize", talk.answer(back).await);
    let unknown = talk.answer(talk.post("/detokenize", json!({"tokens": [1]}))).await;
    assert!(unknown.starts_with("400"), "{unknown}");
}

#[tokio::test]
async fn openais_operations_are_answered_too() {
    let talk = vllm().await;
    for (path, body) in [
        ("completions", json!({"model": "q", "prompt": "Once"})),
        ("responses", json!({"model": "q", "input": "Hi"})),
        ("embeddings", json!({"model": "q", "input": "Hi", "dimensions": 2})),
    ] {
        assert_snapshot!(format!("vllm_{path}"), talk.answer(talk.post(&format!("/v1/{path}"), body)).await);
    }
    for task in ["transcriptions", "translations"] {
        let call = talk.upload(&format!("/v1/audio/{task}"), &[("model", "q")], ("file", b"RIFF"));
        assert_snapshot!(format!("vllm_{task}"), talk.answer(call).await);
    }
    assert!(talk.answer(talk.get("/v1/models")).await.contains("max_model_len"));
}

#[tokio::test]
async fn errors_are_its_own() {
    let talk = vllm().await;
    assert_snapshot!("vllm_no_key", talk.answer(talk.without_key("/v1/chat/completions")).await);
    assert_snapshot!("vllm_bad", talk.answer(talk.post("/v1/chat/completions", json!({"model": "q"}))).await);
    assert_snapshot!("vllm_unknown", talk.answer(talk.post("/v1/nothing", json!({}))).await);
    talk.script(Script::default().status(500));
    assert_snapshot!(
        "vllm_500",
        talk.answer(talk.post("/score", json!({"model": "q", "text_1": "", "text_2": ""}))).await
    );
}
