use insta::assert_snapshot;
use odock_sim::Script;
use reqwest::RequestBuilder;
use serde_json::json;

use super::{Talk, weather};

async fn anthropic() -> Talk {
    Talk::start("/anthropic/v1", ("x-api-key", "k")).await.with_header("anthropic-version", "2023-06-01")
}

fn message(talk: &Talk, stream: bool) -> RequestBuilder {
    let body = json!({"model": "claude-sonnet-4-5", "max_tokens": 100, "stream": stream, "system": "Be kind.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "How are you?"}]}]});
    talk.post("/messages", body)
}

#[tokio::test]
async fn messages() {
    let talk = anthropic().await;
    assert_snapshot!("anthropic_message", talk.answer(message(&talk, false)).await);
    assert_snapshot!("anthropic_message_stream", talk.answer(message(&talk, true)).await);
    talk.script(weather().reasoning("Where is Oslo?").chunks(2).usage(100, 20));
    assert_snapshot!("anthropic_tool", talk.answer(message(&talk, false)).await);
    assert_snapshot!("anthropic_tool_stream", talk.answer(message(&talk, true)).await);
    talk.script(Script::default().refusal("I will not.").no_usage());
    assert_snapshot!("anthropic_refusal", talk.answer(message(&talk, false)).await);
    assert_snapshot!("anthropic_refusal_stream", talk.answer(message(&talk, true)).await);
}

#[tokio::test]
async fn cached_tokens_are_scripted_as_detail() {
    let talk = anthropic().await;
    talk.script(Script::default().usage(3, 2).usage_detail(json!({"cache_read_input_tokens": 90})));
    let answer: serde_json::Value = message(&talk, false).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["usage"]["input_tokens"], 3);
    assert_eq!(answer["usage"]["cache_read_input_tokens"], 90);
}

#[tokio::test]
async fn errors_come_in_the_middle_and_at_the_beginning() {
    let talk = anthropic().await;
    talk.script(Script::default().error_after(1));
    assert_snapshot!("anthropic_error_stream", talk.answer(message(&talk, true)).await);
    talk.script(Script::default().status(529));
    assert_snapshot!("anthropic_overloaded", talk.answer(message(&talk, true)).await);
    talk.script(Script::default().status(429));
    assert_snapshot!("anthropic_limited", talk.answer(message(&talk, false)).await);
    assert_snapshot!("anthropic_no_key", talk.answer(talk.without_key("/messages")).await);
    talk.script(Script::default().expect_key("right"));
    assert_snapshot!("anthropic_wrong_key", talk.answer(message(&talk, false)).await);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let talk = anthropic().await;
    let refused = |body| talk.answer(talk.post("/messages", body));
    assert_snapshot!("anthropic_no_max_tokens", refused(json!({"model": "m", "messages": []})).await);
    assert!(refused(json!({"model": "m", "max_tokens": 1})).await.contains("messages: Field required"));
    assert!(refused(json!({"max_tokens": 1})).await.contains("model: Field required"));
    let unversioned = Talk::start("/anthropic/v1", ("x-api-key", "k")).await;
    let refused = unversioned.answer(message(&unversioned, false)).await;
    assert!(refused.contains("anthropic-version: header is required"), "{refused}");
}

#[tokio::test]
async fn counts_and_models() {
    let talk = anthropic().await;
    let count = talk.post("/messages/count_tokens", json!({"model": "m", "messages": [{"content": "12345"}]}));
    assert_snapshot!("anthropic_count", talk.answer(count).await);
    assert_snapshot!("anthropic_models", talk.answer(talk.get("/models")).await);
    assert_snapshot!("anthropic_model", talk.answer(talk.get("/models/claude-haiku-4-5")).await);
}

#[tokio::test]
async fn its_paths_and_headers_are_known_without_a_mount_point() {
    let talk = Talk::start("/v1", ("authorization", "Bearer token")).await;
    let talk = talk.with_header("anthropic-version", "2023-06-01");
    assert!(talk.answer(message(&talk, false)).await.contains("request-id: req_sim_1"));
    assert!(talk.answer(talk.get("/models")).await.contains("has_more"));
}
