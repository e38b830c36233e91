use odock_sim::{Script, Sim};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::client;

const CHAT: &str = r#"{"model":"m","messages":[]}"#;

async fn post(sim: &Sim, path: &str, headers: &[(&str, &str)], body: &'static str) -> Response {
    let call = client().post(format!("{}{path}", sim.base_url())).body(body);
    headers.iter().fold(call, |call, (name, value)| call.header(*name, *value)).send().await.unwrap()
}

async fn status_with(sim: &Sim, headers: &[(&str, &str)]) -> u16 {
    post(sim, "/v1/chat/completions", headers, CHAT).await.status().as_u16()
}

#[tokio::test]
async fn a_request_without_a_key_is_refused_in_the_providers_shape() {
    let sim = Sim::start().await;
    let refused = post(&sim, "/v1/chat/completions", &[], CHAT).await;
    assert_eq!(refused.status(), 401);
    let error: Value = refused.json().await.unwrap();
    assert_eq!(error["error"]["type"], "invalid_request_error");
    assert_eq!(status_with(&sim, &[("authorization", "Bearer ")]).await, 401);
    assert_eq!(status_with(&sim, &[("authorization", "Bearer k")]).await, 200);
    assert_eq!(status_with(&sim, &[("api-key", "k")]).await, 200);
    sim.script(Script::default().open());
    assert_eq!(status_with(&sim, &[]).await, 200);
}

#[tokio::test]
async fn another_key_than_the_expected_one_is_refused() {
    let sim = Sim::start().await;
    sim.script(Script::default().expect_key("right"));
    assert_eq!(status_with(&sim, &[("authorization", "Bearer right")]).await, 200);
    let refused = post(&sim, "/v1/chat/completions", &[("api-key", "wrong")], CHAT).await;
    assert_eq!(refused.status(), 401);
    let body = refused.text().await.unwrap();
    assert!(body.contains("invalid_api_key") && !body.contains("wrong"), "{body}");
}

#[tokio::test]
async fn bad_requests_are_refused_as_the_provider_does() {
    let sim = Sim::start().await;
    let key = [("authorization", "Bearer k")];
    for (body, words) in [
        ("{", "could not parse the JSON body"),
        (r#"{"messages":[]}"#, "you must provide a model parameter"),
        (r#"{"model":"m"}"#, "Missing required parameter: 'messages'"),
    ] {
        let refused = post(&sim, "/v1/chat/completions", &key, body).await;
        assert_eq!(refused.status(), 400, "{body}");
        let error: Value = refused.json().await.unwrap();
        assert!(error["error"]["message"].as_str().unwrap().contains(words), "{error}");
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_unknown() {
    let sim = Sim::start().await;
    let key = [("authorization", "Bearer k")];
    let unknown = post(&sim, "/v1/nothing", &key, "").await;
    assert_eq!(unknown.status(), 404);
    let error: Value = unknown.json().await.unwrap();
    assert_eq!(error["error"]["code"], json!("unknown_url"));
    let url = format!("{}/v1/chat/completions", sim.base_url());
    assert_eq!(client().get(url).bearer_auth("k").send().await.unwrap().status(), 405);
}
