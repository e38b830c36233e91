use insta::assert_snapshot;
use odock_sim::Script;
use serde_json::json;

use super::{Talk, weather};

async fn openai() -> Talk {
    Talk::start("/v1", ("authorization", "Bearer k")).await
}

#[tokio::test]
async fn chat_completions() {
    let talk = openai().await;
    let chat = |stream: bool| {
        let body = json!({"model": "gpt-4o", "stream": stream, "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": "How are you?"}]});
        talk.post("/chat/completions", body)
    };
    assert_snapshot!("openai_chat", talk.answer(chat(false)).await);
    assert_snapshot!("openai_chat_stream", talk.answer(chat(true)).await);
    talk.script(weather().reasoning("Where is Oslo?"));
    assert_snapshot!("openai_chat_tool", talk.answer(chat(false)).await);
    talk.script(Script::default().refusal("I will not."));
    assert_snapshot!("openai_chat_refusal", talk.answer(chat(false)).await);
    assert_snapshot!("openai_chat_refusal_stream", talk.answer(chat(true)).await);
}

#[tokio::test]
async fn completions() {
    let talk = openai().await;
    let complete = |stream: bool| {
        let body = json!({"model": "gpt-4o", "prompt": "Once", "stream": stream,
            "stream_options": {"include_usage": true}});
        talk.post("/completions", body)
    };
    assert_snapshot!("openai_completion", talk.answer(complete(false)).await);
    assert_snapshot!("openai_completion_stream", talk.answer(complete(true)).await);
}

#[tokio::test]
async fn responses() {
    let talk = openai().await;
    let respond = |stream: bool| {
        let input = json!([{"role": "user", "content": [{"type": "input_text", "text": "How are you?"}]}]);
        talk.post("/responses", json!({"model": "gpt-4o", "input": input, "stream": stream, "temperature": 0.5}))
    };
    assert_snapshot!("openai_response", talk.answer(respond(false)).await);
    assert_snapshot!("openai_response_stream", talk.answer(respond(true)).await);
    talk.script(weather().reasoning("Where is Oslo?").chunks(2).usage(100, 20));
    assert_snapshot!("openai_response_tool", talk.answer(respond(false)).await);
    assert_snapshot!("openai_response_tool_stream", talk.answer(respond(true)).await);
    talk.script(Script::default().finish_reason("length"));
    assert_snapshot!("openai_response_incomplete", talk.answer(respond(false)).await);
    talk.script(Script::default().error_after(1));
    assert_snapshot!("openai_response_error_stream", talk.answer(respond(true)).await);
}

#[tokio::test]
async fn embeddings() {
    let talk = openai().await;
    let embed = |fields: serde_json::Value| {
        let mut body = json!({"model": "text-embedding-3-small", "input": ["one", "two"], "dimensions": 2});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        talk.post("/embeddings", body)
    };
    assert_snapshot!("openai_embeddings", talk.answer(embed(json!({}))).await);
    assert_snapshot!("openai_embeddings_base64", talk.answer(embed(json!({"encoding_format": "base64"}))).await);
    assert_snapshot!("openai_embeddings_bad", talk.answer(embed(json!({"dimensions": 0}))).await);
}

#[tokio::test]
async fn images() {
    let talk = openai().await;
    talk.script(Script::default().media(&b"png"[..], "image/png").usage(5, 40));
    let made = |model: &str, stream: bool| {
        let body = json!({"model": model, "prompt": "A cat", "n": 2, "stream": stream, "partial_images": 1});
        talk.post("/images/generations", body)
    };
    assert_snapshot!("openai_image", talk.answer(made("gpt-image-1", false)).await);
    assert_snapshot!("openai_image_stream", talk.answer(made("gpt-image-1", true)).await);
    assert_snapshot!("openai_image_links", talk.answer(made("dall-e-3", false)).await);
    let edit = talk.upload("/images/edits", &[("prompt", "A dog"), ("model", "gpt-image-1")], ("image", b"png"));
    assert_snapshot!("openai_image_edit", talk.answer(edit).await);
    let list = talk.upload("/images/edits", &[("prompt", "A dog"), ("model", "gpt-image-1")], ("image[]", b"png"));
    assert!(talk.answer(list).await.starts_with("200"));
    let vary = talk.upload("/images/variations", &[("response_format", "b64_json")], ("image", b"png"));
    assert_snapshot!("openai_image_variation", talk.answer(vary).await);
    let none = talk.upload("/images/edits", &[("prompt", "A dog")], ("mask", b"png"));
    assert_snapshot!("openai_image_missing", talk.answer(none).await);
}

#[tokio::test]
async fn links_lead_to_the_image_without_a_key() {
    let talk = openai().await;
    talk.script(Script::default().media(&b"\xff\x00"[..], "image/webp").expect_key("k"));
    let made = talk.post("/images/generations", json!({"model": "dall-e-2", "prompt": "A cat"})).send().await.unwrap();
    let made: serde_json::Value = made.json().await.unwrap();
    let file = crate::support::client().get(made["data"][0]["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "image/webp");
    assert_eq!(file.bytes().await.unwrap(), &b"\xff\x00"[..]);
}

#[tokio::test]
async fn audio() {
    let talk = openai().await;
    talk.script(Script::default().text("Hello you."));
    let speech = [0; 40_000];
    let hear = |path: &str, model: &str, format: &str, stream: &str| {
        let fields = [("model", model), ("response_format", format), ("stream", stream), ("language", "en")];
        talk.upload(&format!("/audio/{path}"), &fields, ("file", &speech))
    };
    for (name, path, model, format, stream) in [
        ("json", "transcriptions", "gpt-4o-transcribe", "json", "false"),
        ("stream", "transcriptions", "gpt-4o-transcribe", "json", "true"),
        ("verbose", "transcriptions", "whisper-1", "verbose_json", "false"),
        ("srt", "transcriptions", "whisper-1", "srt", "false"),
        ("translation", "translations", "whisper-1", "json", "false"),
        ("bad", "translations", "whisper-1", "mp3", "false"),
    ] {
        assert_snapshot!(format!("openai_audio_{name}"), talk.answer(hear(path, model, format, stream)).await);
    }
}

#[tokio::test]
async fn one_model_and_errors() {
    let talk = openai().await;
    assert_snapshot!("openai_model", talk.answer(talk.get("/models/gpt-4o")).await);
    assert_snapshot!("openai_model_unknown", talk.answer(talk.get("/models/none")).await);
    assert_snapshot!("openai_no_key", talk.answer(talk.without_key("/responses")).await);
    let failed = talk.post("/embeddings", json!({"model": "sim-error-429", "input": "x"}));
    assert_snapshot!("openai_error", talk.answer(failed).await);
}
