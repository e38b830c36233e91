use std::time::{Duration, Instant};

use odock_sim::{Options, Outcome, Script, Sim};
use serde_json::{Value, json};

use crate::support::{chat, chat_json, client, request};

#[tokio::test]
async fn the_default_answer_is_a_chat_completion() {
    let sim = Sim::start().await;
    let response = chat(&sim).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["x-request-id"], "req_sim_1");
    let answer: Value = response.json().await.unwrap();
    let choice = &answer["choices"][0];
    assert_eq!(answer["id"], "chatcmpl-sim-1");
    assert_eq!((&answer["object"], &answer["model"]), (&json!("chat.completion"), &json!("gpt-4o")));
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["content"], "Hello from the simulated upstream.");
    assert_eq!(choice["finish_reason"], "stop");
    // "How are you?" is 12 bytes, the answer 34.
    assert_eq!(answer["usage"], json!({"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12}));
}

#[tokio::test]
async fn ids_count_up() {
    let sim = Sim::start().await;
    chat(&sim).await;
    assert_eq!(chat_json(&sim).await["id"], "chatcmpl-sim-2");
}

#[tokio::test]
async fn usage_is_as_scripted() {
    let sim = Sim::start().await;
    let detail = json!({"prompt_tokens_details": {"cached_tokens": 5}, "total_tokens": 99});
    sim.script(Script::default().usage(10, 4).usage_detail(detail));
    let expected = json!({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 99,
        "prompt_tokens_details": {"cached_tokens": 5}});
    assert_eq!(chat_json(&sim).await["usage"], expected);
    sim.script(Script::default().no_usage());
    assert!(chat_json(&sim).await.get("usage").is_none());
}

#[tokio::test]
async fn tool_calls_take_the_place_of_text() {
    let sim = Sim::start().await;
    sim.script(Script::default().tool_call("weather", json!({"city": "Oslo"})));
    let answer = chat_json(&sim).await;
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!((&call["id"], &call["type"]), (&json!("call_sim_1_0"), &json!("function")));
    assert_eq!(call["function"], json!({"name": "weather", "arguments": "{\"city\":\"Oslo\"}"}));
}

#[tokio::test]
async fn queued_scripts_answer_one_request_each_in_order() {
    let sim = Sim::start().await;
    sim.script(Script::default().text("always"));
    sim.enqueue(Script::default().text("first"));
    sim.enqueue(Script::default().status(503));
    assert_eq!(chat_json(&sim).await["choices"][0]["message"]["content"], "first");
    assert_eq!(chat(&sim).await.status(), 503);
    assert_eq!(chat_json(&sim).await["choices"][0]["message"]["content"], "always");
}

#[tokio::test]
async fn a_status_brings_an_error_of_the_providers_shape() {
    let sim = Sim::start().await;
    sim.script(Script::default().status(429).header("retry-after", "7"));
    let response = chat(&sim).await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    let error: Value = response.json().await.unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["type"]), (&json!("rate_limit_exceeded"), &json!("requests")));
}

#[tokio::test]
async fn a_scripted_body_is_sent_as_it_is() {
    let sim = Sim::start().await;
    sim.script(Script::default().status(400).body(json!({"error": {"code": "content_filter"}})));
    let response = chat(&sim).await;
    assert_eq!(response.status(), 400);
    assert_eq!(response.text().await.unwrap(), r#"{"error":{"code":"content_filter"}}"#);
    sim.script(Script::default().raw_body(&b"\xff\x00"[..], "application/octet-stream"));
    let response = chat(&sim).await;
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    assert_eq!(response.bytes().await.unwrap(), &b"\xff\x00"[..]);
}

#[tokio::test]
async fn headers_replace_and_repeat() {
    let sim = Sim::start().await;
    sim.script(Script::default().header("x-request-id", "mine").header("x-a", "1").header("x-a", "2"));
    let response = chat(&sim).await;
    assert_eq!(response.headers()["x-request-id"], "mine");
    assert_eq!(response.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
}

#[tokio::test]
async fn a_redirect_points_elsewhere() {
    let sim = Sim::start().await;
    sim.script(Script::default().redirect("http://169.254.169.254/latest"));
    let response = chat(&sim).await;
    assert_eq!(response.status(), 307);
    assert_eq!(response.headers()["location"], "http://169.254.169.254/latest");
}

#[tokio::test]
async fn latency_comes_before_the_headers() {
    let sim = Sim::start().await;
    sim.script(Script::default().latency(Duration::from_millis(60)));
    let begun = Instant::now();
    chat(&sim).await;
    assert!(begun.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn requests_are_recorded_as_they_came() {
    let sim = Sim::start().await;
    request(&sim, json!({"seed": 1.50})).header("x-custom", "yes").send().await.unwrap();
    let recorded = &sim.requests()[0];
    assert_eq!((recorded.method.as_str(), recorded.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(recorded.header("x-custom"), Some("yes"));
    assert_eq!(recorded.header("authorization"), Some("Bearer sk-any"));
    assert_eq!(recorded.json()["seed"], 1.5);
    assert_eq!(recorded.wait_ended().await, Outcome::Played);
    assert_eq!(sim.take_requests().len(), 1);
    assert!(sim.requests().is_empty());
}

#[tokio::test]
async fn waiting_for_requests_sees_those_that_are_still_open() {
    let sim = Sim::start().await;
    sim.script(Script::default().stall_before_headers());
    let call = request(&sim, json!({}));
    let caller = tokio::task::spawn(call.send());
    let requests = sim.wait_for_requests(1).await;
    assert_eq!(requests[0].outcome(), Outcome::Open);
    caller.abort();
    assert_eq!(requests[0].wait_ended().await, Outcome::Cancelled);
}

#[tokio::test]
async fn nothing_is_kept_when_recording_is_off() {
    let sim = Sim::with(Options { record: false, ..Options::default() }).await.unwrap();
    assert_eq!(chat(&sim).await.status(), 200);
    assert!(sim.requests().is_empty());
}

#[tokio::test]
async fn models_are_listed_below_any_base_path() {
    let sim = Sim::start().await;
    for path in ["/v1/models", "/models", "/openai/v1/models"] {
        let url = format!("{}{path}", sim.base_url());
        let list: Value = client().get(url).bearer_auth("k").send().await.unwrap().json().await.unwrap();
        assert_eq!((&list["object"], &list["data"][0]["id"]), (&json!("list"), &json!("gpt-4o")), "{path}");
    }
}

#[tokio::test]
async fn azure_deployments_are_served_with_an_api_version() {
    let sim = Sim::start().await;
    let url = format!("{}/openai/deployments/dep-1/chat/completions", sim.base_url());
    let call = |url: String| client().post(url).header("api-key", "k").json(&json!({"messages": []})).send();
    let answer: Value = call(format!("{url}?api-version=2024-10-21")).await.unwrap().json().await.unwrap();
    assert_eq!(answer["model"], "dep-1");
    assert_eq!(call(url).await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_request_can_bring_its_script() {
    let sim = Sim::start().await;
    let ask = |script: &'static str| request(&sim, json!({})).header("x-sim-script", script).send();
    let answer: Value = ask(r#"{"text": "asked for"}"#).await.unwrap().json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "asked for");
    let refused = ask(r#"{"txt": "x"}"#).await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("unknown field `txt`"));
}

#[tokio::test]
async fn a_model_name_can_ask_for_a_script() {
    let sim = Sim::start().await;
    let status = |model: &'static str| {
        let call = request(&sim, json!({"model": model}));
        async move { call.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(status("sim-error-502").await, 502);
    assert_eq!(status("sim-429").await, 429);
    assert_eq!(status("sim-unknown").await, 200);
}
