use insta::assert_snapshot;
use odock_sim::Script;
use serde_json::json;

use super::{Talk, weather};

async fn mistral() -> Talk {
    Talk::start("/mistral/v1", ("authorization", "Bearer k")).await
}

#[tokio::test]
async fn chat_thinks_in_parts_and_always_reports_usage() {
    let talk = mistral().await;
    let chat = |stream: bool| {
        let body = json!({"model": "mistral-large-latest", "messages": [{"content": "Hi"}], "stream": stream});
        talk.post("/chat/completions", body)
    };
    talk.script(Script::default().text("Oslo.").reasoning("Norway's capital."));
    assert_snapshot!("mistral_chat", talk.answer(chat(false)).await);
    assert_snapshot!("mistral_chat_stream", talk.answer(chat(true)).await);
    talk.script(weather());
    assert_snapshot!("mistral_tool", talk.answer(chat(false)).await);
    assert_snapshot!("mistral_tool_stream", talk.answer(chat(true)).await);
}

#[tokio::test]
async fn code_vectors_and_moderation() {
    let talk = mistral().await;
    let fim = |stream: bool| {
        let body = json!({"model": "codestral-latest", "prompt": "fn a(", "suffix": "}", "stream": stream});
        talk.post("/fim/completions", body)
    };
    assert_snapshot!("mistral_fim", talk.answer(fim(false)).await);
    assert!(talk.answer(fim(true)).await.contains("chat.completion.chunk"));
    let embed = talk.post("/embeddings", json!({"model": "mistral-embed", "input": ["one"], "output_dimension": 2}));
    assert_snapshot!("mistral_embeddings", talk.answer(embed).await);
    let moderate = talk.post("/moderations", json!({"model": "mistral-moderation-latest", "input": ["a"]}));
    assert_snapshot!("mistral_moderation", talk.answer(moderate).await);
}

#[tokio::test]
async fn documents_are_read_by_the_page() {
    let talk = mistral().await;
    talk.script(Script::default().text("# Title").pages(2));
    let document = json!({"type": "document_url", "document_url": "https://example.com/a.pdf"});
    let read = |pages: serde_json::Value| {
        talk.post("/ocr", json!({"model": "mistral-ocr-latest", "document": document, "pages": pages}))
    };
    assert_snapshot!("mistral_ocr", talk.answer(read(json!(null))).await);
    let chosen: serde_json::Value = read(json!([4])).send().await.unwrap().json().await.unwrap();
    assert_eq!((&chosen["pages"][0]["index"], &chosen["usage_info"]["pages_processed"]), (&json!(4), &json!(1)));
    let none = talk.post("/ocr", json!({"model": "m", "document": {}}));
    assert_snapshot!("mistral_ocr_bad", talk.answer(none).await);
}

#[tokio::test]
async fn errors_are_its_own() {
    let talk = mistral().await;
    assert_snapshot!("mistral_no_key", talk.answer(talk.without_key("/chat/completions")).await);
    assert_snapshot!("mistral_unknown", talk.answer(talk.post("/nothing", json!({}))).await);
    talk.script(Script::default().status(429));
    let chat = talk.post("/chat/completions", json!({"model": "m", "messages": []}));
    assert_snapshot!("mistral_429", talk.answer(chat).await);
    assert!(talk.answer(talk.get("/models/none")).await.starts_with("404"));
}
