use insta::assert_snapshot;
use odock_sim::Script;
use reqwest::RequestBuilder;
use serde_json::json;

use super::{Talk, weather};
use crate::support::client;

async fn gemini() -> Talk {
    Talk::start("/gemini/v1beta", ("x-goog-api-key", "k")).await
}

fn generate(talk: &Talk, verb: &str) -> RequestBuilder {
    let contents = json!([{"role": "user", "parts": [{"text": "How are you?"}]}]);
    let system = json!({"parts": [{"text": "Be kind."}]});
    let body = json!({"contents": contents, "systemInstruction": system});
    talk.post(&format!("/models/gemini-2.5-flash:{verb}"), body)
}

#[tokio::test]
async fn content_whole_as_events_and_as_an_array() {
    let talk = gemini().await;
    for (name, script) in [
        ("text", Script::default().chunks(2)),
        ("tool", weather().reasoning("Where is Oslo?").usage(100, 20)),
        ("refusal", Script::default().refusal("Unsafe.")),
    ] {
        talk.script(script);
        let answer = |verb: &'static str| talk.answer(generate(&talk, verb));
        assert_snapshot!(format!("gemini_{name}"), answer("generateContent").await);
        assert_snapshot!(format!("gemini_{name}_events"), answer("streamGenerateContent?alt=sse").await);
        let array = answer("streamGenerateContent").await;
        let (_, body) = array.split_once("\n\n").unwrap();
        assert!(serde_json::from_str::<Vec<serde_json::Value>>(&body.replace('␍', "")).is_ok(), "{body}");
        assert_snapshot!(format!("gemini_{name}_array"), array);
    }
}

#[tokio::test]
async fn usage_is_as_scripted() {
    let talk = gemini().await;
    let detail = json!({"cachedContentTokenCount": 60, "toolUsePromptTokenCount": 4});
    talk.script(Script::default().usage(100, 20).usage_detail(detail));
    let answer: serde_json::Value = generate(&talk, "generateContent").send().await.unwrap().json().await.unwrap();
    let usage = &answer["usageMetadata"];
    assert_eq!((&usage["promptTokenCount"], &usage["candidatesTokenCount"]), (&json!(100), &json!(20)));
    assert_eq!((&usage["cachedContentTokenCount"], &usage["toolUsePromptTokenCount"]), (&json!(60), &json!(4)));
    talk.script(Script::default().usage_on_finish_chunk().chunks(3));
    let streamed = talk.answer(generate(&talk, "streamGenerateContent?alt=sse")).await;
    assert_eq!(streamed.matches("usageMetadata").count(), 1);
    talk.script(Script::default().no_usage());
    assert!(!talk.answer(generate(&talk, "generateContent")).await.contains("usageMetadata"));
}

#[tokio::test]
async fn counts_embeddings_and_models() {
    let talk = gemini().await;
    assert_snapshot!("gemini_count", talk.answer(generate(&talk, "countTokens")).await);
    let content = json!({"parts": [{"text": "one"}]});
    let one = json!({"content": content, "outputDimensionality": 2});
    assert_snapshot!("gemini_embed", talk.answer(talk.post("/models/e:embedContent", one.clone())).await);
    let batch = talk.post("/models/e:batchEmbedContents", json!({"requests": [one.clone(), one]}));
    assert_snapshot!("gemini_embed_batch", talk.answer(batch).await);
    assert_snapshot!("gemini_model", talk.answer(talk.get("/models/gemini-2.5-flash")).await);
    assert!(talk.answer(talk.get("/models")).await.contains("models/gemini-embedding-001"));
}

#[tokio::test]
async fn errors_are_googles() {
    let talk = gemini().await;
    assert_snapshot!("gemini_no_key", talk.answer(talk.without_key("/models/m:generateContent")).await);
    let empty = talk.post("/models/m:generateContent", json!({}));
    assert_snapshot!("gemini_no_contents", talk.answer(empty).await);
    talk.script(Script::default().error_after(1));
    assert_snapshot!("gemini_error_events", talk.answer(generate(&talk, "streamGenerateContent?alt=sse")).await);
    talk.script(Script::default().status(429));
    assert_snapshot!("gemini_429", talk.answer(generate(&talk, "generateContent")).await);
    talk.script(Script::default().expect_key("right"));
    assert_snapshot!("gemini_wrong_key", talk.answer(generate(&talk, "generateContent")).await);
}

#[tokio::test]
async fn the_key_may_stand_in_the_query() {
    let talk = gemini().await;
    talk.script(Script::default().expect_key("right"));
    let url = |key: &str| format!("{}/v1beta/models/m:generateContent?key={key}", talk.sim.base_url());
    let status = |key: &str| {
        let call = client().post(url(key)).json(&json!({"contents": []}));
        async move { call.send().await.unwrap().status().as_u16() }
    };
    assert_eq!((status("right").await, status("wrong").await), (200, 400));
}
