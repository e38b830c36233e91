//! A plain client and the requests that the tests send.

use std::time::Duration;

use odock_sim::Sim;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

/// A client that gives up after ten seconds, so that a failing test ends.
pub(crate) fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// A chat request with these fields over the usual ones.
pub(crate) fn request(sim: &Sim, fields: Value) -> RequestBuilder {
    let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "How are you?"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    client().post(format!("{}/v1/chat/completions", sim.base_url())).bearer_auth("sk-any").json(&body)
}

/// Sends a unary chat request.
pub(crate) async fn chat(sim: &Sim) -> Response {
    request(sim, json!({})).send().await.unwrap()
}

/// Sends a unary chat request and reads the JSON answer.
pub(crate) async fn chat_json(sim: &Sim) -> Value {
    chat(sim).await.json().await.unwrap()
}

/// Sends a streaming chat request.
pub(crate) async fn stream(sim: &Sim) -> Response {
    request(sim, json!({"stream": true})).send().await.unwrap()
}

/// Reads what there is of a body, and whether it ended well.
pub(crate) async fn drain(mut response: Response) -> (String, bool) {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return (String::from_utf8(bytes).unwrap(), true),
            Err(_) => return (String::from_utf8(bytes).unwrap(), false),
        }
    }
}

/// The JSON of the events of a stream; `[DONE]` is given as `null`.
pub(crate) fn events(body: &str) -> Vec<Value> {
    let data = body.split("\n\n").filter(|event| !event.is_empty()).map(|event| event.strip_prefix("data: ").unwrap());
    data.map(|data| if data == "[DONE]" { Value::Null } else { serde_json::from_str(data).unwrap() }).collect()
}

/// The text that the content chunks add up to.
pub(crate) fn streamed_text(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
}
