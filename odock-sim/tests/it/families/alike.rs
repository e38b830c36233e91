//! What a script says holds for the streams of every family.

use odock_sim::{Outcome, Script};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::Talk;
use crate::support::drain;

/// A family's stream, how its end is marked, and what shows that it reports usage.
struct Kind {
    mount: &'static str,
    key: (&'static str, &'static str),
    path: &'static str,
    body: Value,
    done: &'static str,
    usage: &'static str,
}

const BEARER: (&str, &str) = ("authorization", "Bearer k");

fn kinds() -> Vec<Kind> {
    let chat = json!({"model": "m", "messages": [], "stream": true, "stream_options": {"include_usage": true},
        "max_tokens": 9});
    let prompt = json!({"model": "m", "prompt": "x", "stream": true, "stream_options": {"include_usage": true}});
    let kind = |mount, key, path, body: &Value, done, usage| Kind { mount, key, path, body: body.clone(), done, usage };
    let gemini = json!({"contents": []});
    let sse = "/v1beta/models/m:streamGenerateContent?alt=sse";
    let deployment = "/openai/deployments/m/chat/completions?api-version=1";
    vec![
        kind("", BEARER, "/v1/chat/completions", &chat, "[DONE]", "usage"),
        kind("", BEARER, "/v1/completions", &prompt, "[DONE]", "usage"),
        kind(
            "",
            BEARER,
            "/v1/responses",
            &json!({"model": "m", "input": "x", "stream": true}),
            "response.completed",
            "input_tokens",
        ),
        kind("/azure", ("api-key", "k"), deployment, &chat, "[DONE]", "usage"),
        kind("/anthropic", ("x-api-key", "k"), "/v1/messages", &chat, "message_stop", "usage"),
        kind("/gemini", ("x-goog-api-key", "k"), sse, &gemini, "", "usageMetadata"),
        kind("/vllm", BEARER, "/v1/chat/completions", &chat, "[DONE]", "usage"),
        kind("/mistral", BEARER, "/v1/chat/completions", &chat, "[DONE]", "usage"),
        kind("/mistral", BEARER, "/v1/fim/completions", &prompt, "[DONE]", "usage"),
        kind("/huggingface", BEARER, "/v1/chat/completions", &chat, "[DONE]", "usage"),
    ]
}

async fn talks() -> Vec<(Kind, Talk)> {
    let mut talks = Vec::new();
    for kind in kinds() {
        let talk = Talk::start(kind.mount, kind.key).await;
        let anthropic = kind.mount == "/anthropic";
        let talk = if anthropic { talk.with_header("anthropic-version", "2023-06-01") } else { talk };
        talks.push((kind, talk));
    }
    talks
}

fn call(kind: &Kind, talk: &Talk) -> RequestBuilder {
    talk.post(kind.path, kind.body.clone())
}

/// What a script makes of the stream of a family, and whether it ended well.
async fn played(kind: &Kind, talk: &Talk, script: Script) -> (String, bool) {
    talk.script(script);
    let response = call(kind, talk).send().await.unwrap();
    assert_eq!(response.status(), 200, "{}", kind.path);
    drain(response).await
}

/// Whether the data of every event is JSON, or the mark of the end.
fn readable(body: &str) -> bool {
    let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.into_iter().all(|data| data == "[DONE]" || serde_json::from_str::<Value>(data).is_ok())
}

#[tokio::test]
async fn a_whole_stream_has_text_usage_and_an_end() {
    for (kind, talk) in talks().await {
        let (body, complete) = played(&kind, &talk, Script::default().usage(1_234, 5)).await;
        let last = body.lines().rev().find(|line| line.starts_with("data: ")).unwrap();
        assert!(complete && readable(&body), "{body}");
        assert!(body.contains("upstream.") && last.contains(kind.done), "{body}");
        assert!(body.contains(kind.usage) && body.contains("1234"), "{body}");
    }
}

#[tokio::test]
async fn usage_and_the_end_can_be_left_out() {
    for (kind, talk) in talks().await {
        let (body, _) = played(&kind, &talk, Script::default().no_usage().usage(1_234, 5)).await;
        assert!(!body.contains("1234"), "{body}");
        let (body, complete) = played(&kind, &talk, Script::default().no_done()).await;
        assert!(complete && (kind.done.is_empty() || !body.contains(kind.done)), "{body}");
    }
}

#[tokio::test]
async fn faults_come_after_so_many_chunks() {
    for (kind, talk) in talks().await {
        let after_two = |body: &str| body.contains("from") && !body.contains("the ");
        let (body, complete) = played(&kind, &talk, Script::default().end_after(2)).await;
        assert!(complete && after_two(&body) && readable(&body), "{body}");
        let (body, complete) = played(&kind, &talk, Script::default().error_after(2)).await;
        let last = body.lines().rev().find(|line| line.starts_with("data: ")).unwrap();
        assert!(complete && body.contains("from") && last.contains("error") && readable(&body), "{body}");
        let (body, complete) = played(&kind, &talk, Script::default().close_after(2)).await;
        assert!(!complete && after_two(&body), "{body}");
        let (_, complete) = played(&kind, &talk, Script::default().cut_after(2)).await;
        assert!(!complete);
        let (body, complete) = played(&kind, &talk, Script::default().garbage()).await;
        assert!(complete && !readable(&body), "{body}");
    }
}

#[tokio::test]
async fn pieces_chunks_and_leaving_are_the_same() {
    for (kind, talk) in talks().await {
        let (whole, _) = played(&kind, &talk, Script::default().chunks(3)).await;
        let (split, complete) = played(&kind, &talk, Script::default().chunks(3).split_events(5)).await;
        let unnumbered = |body: &str| body.replace(|letter: char| letter.is_ascii_digit(), "");
        assert!(complete);
        assert_eq!(unnumbered(&whole), unnumbered(&split));
        talk.script(Script::default().stall_after(1));
        let mut response = call(&kind, &talk).send().await.unwrap();
        assert!(response.chunk().await.unwrap().is_some());
        drop(response);
        assert_eq!(talk.sim.requests()[2].wait_ended().await, Outcome::Cancelled);
    }
}

#[tokio::test]
async fn payloads_statuses_and_keys_are_the_same() {
    for (kind, talk) in talks().await {
        talk.script(Script::default().status(418).body(json!({"scripted": true})));
        let response = call(&kind, &talk).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (418, "{\"scripted\":true}"));
        talk.script(Script::default().status(503).header("retry-after", "3"));
        let response = call(&kind, &talk).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["retry-after"].as_bytes()), (503, &b"3"[..]));
        assert!(response.text().await.unwrap().contains("\"error\""));
        talk.script(Script::default().expect_key("another"));
        let status = call(&kind, &talk).send().await.unwrap().status().as_u16();
        assert!(matches!(status, 400 | 401), "{status}");
    }
}
