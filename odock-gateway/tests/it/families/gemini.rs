//! Gemini's routes.

use std::time::Duration;

use entity::pricing::Pricing;
use entity::vocab::{Enforcement, Outcome, ProviderType, UsageSource};
use odock_sim::Script;
use serde_json::{Value, json};

use crate::support::{Answer, NewModel, PROVIDER_SECRET, TestGateway};

const REQUEST: &str = include_str!("../../../src/providers/gemini/golden/request.json");
const ANSWER: &str = include_str!("../../../src/providers/gemini/golden/answer.json");
const EVENTS: &str = include_str!("../../../src/providers/gemini/golden/stream.txt");
const ARRAY: &str = include_str!("../../../src/providers/gemini/golden/stream.json");
const GENERATE: &str = "/v1beta/models/flash:generateContent";
const STREAM: &str = "/v1beta/models/flash:streamGenerateContent";

async fn start() -> TestGateway {
    let gw = TestGateway::start_at(ProviderType::Google, "/gemini", |config| {
        config.upstream.stream_idle_timeout = Duration::from_millis(400);
    })
    .await;
    gw.fleet.model(NewModel { slug: Some("gemini-2.5-flash"), ..NewModel::named("flash") }).await;
    gw
}

fn ask() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]})
}

/// The gateway's error in Google's shape.
fn expect_error(answer: &Answer, status: u16, canonical: &str, code: &str) {
    let body = answer.json();
    assert_eq!((answer.status, body["error"]["status"].as_str()), (status, Some(canonical)), "{body}");
    assert_eq!(
        (body["error"]["code"].as_u64(), body["error"]["details"][0]["reason"].as_str()),
        (Some(status.into()), Some(code))
    );
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_the_model_in_the_path() {
    let gw = start().await;
    gw.fleet.model(NewModel { slug: Some("gemini-2.5-pro"), ..NewModel::named("pro") }).await;
    let ask = |route: &str| {
        let request = gw.http.post(gw.url(route)).header("x-goog-api-key", &gw.fleet.secret).json(&ask());
        TestGateway::send(request.header("idempotency-key", "k"))
    };
    assert_eq!(ask(GENERATE).await.status, 200);
    assert_eq!(ask(GENERATE).await.headers["idempotent-replayed"], "true");
    let other = ask("/v1beta/models/pro:generateContent").await;
    assert_eq!(other.status, 422, "another model's answer is none of its: {}", other.text());
    assert_eq!(gw.sim.requests().len(), 1);
}

#[tokio::test]
async fn content_passes_as_it_came_both_ways() {
    let gw = start().await;
    gw.sim.script(Script::default().body(ANSWER));
    let request = gw.http.post(gw.url(GENERATE)).header("x-goog-api-key", &gw.fleet.secret);
    let request = request.header("x-goog-api-client", "google-genai-sdk/1.0").header("x-goog-user-project", "p");
    let answer = TestGateway::send(request.header("content-type", "application/json").body(REQUEST)).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, ANSWER));
    let sent = &gw.sim.requests()[0];
    assert_eq!(
        (sent.path.as_str(), sent.text().as_str()),
        ("/gemini/v1beta/models/gemini-2.5-flash:generateContent", REQUEST)
    );
    assert_eq!((sent.header("x-goog-api-key"), sent.header("x-goog-user-project")), (Some(PROVIDER_SECRET), None));
    assert_eq!(sent.header("x-goog-api-client"), Some("google-genai-sdk/1.0"));
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens_in, record.tokens_out, record.usage_source), (1_285, 42, UsageSource::Reported));
    assert_eq!(
        (record.endpoint.as_str(), record.model.as_deref()),
        ("/v1beta/models/{model}:generateContent", Some("flash"))
    );
}

#[tokio::test]
async fn a_key_in_the_query_is_read_and_goes_nowhere() {
    let gw = start().await;
    let secret = &gw.fleet.secret;
    let answer = TestGateway::send(gw.http.post(gw.url(&format!("{STREAM}?key={secret}&alt=sse"))).json(&ask())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(gw.sim.requests()[0].path, "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    let two = gw.http.post(gw.url(&format!("{GENERATE}?key=sk-odock-x"))).bearer_auth(secret).json(&ask());
    expect_error(&TestGateway::send(two).await, 401, "UNAUTHENTICATED", "unauthorized");
    let elsewhere = gw.http.post(gw.url(&format!("/v1/chat/completions?key={secret}"))).json(&ask());
    TestGateway::send(elsewhere).await.expect_error(401, "unauthorized");
}

#[tokio::test]
async fn both_forms_of_a_stream_pass_byte_for_byte() {
    let gw = start().await;
    for (query, body, kind) in
        [("?alt=sse", EVENTS, "text/event-stream"), ("", ARRAY.trim_end(), "application/json; charset=UTF-8")]
    {
        gw.sim.script(Script::default().raw_body(body, kind));
        let answer = gw.post_json(&format!("{STREAM}{query}"), &ask()).await;
        assert_eq!((answer.text().as_str(), &answer.headers["content-type"]), (body, &kind.parse().unwrap()));
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.tokens_in, record.tokens_out, record.outcome), (8, 25, Outcome::Ok));
        assert!(record.stream && record.usage_source == UsageSource::Reported);
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error_of_its_form() {
    let gw = start().await;
    for query in ["?alt=sse", ""] {
        for (script, code, status) in [
            (Script::default().cut_after(4), "upstream_error", "INTERNAL"),
            (Script::default().end_after(4), "upstream_error", "INTERNAL"),
            (Script::default().stall_after(4), "upstream_timeout", "DEADLINE_EXCEEDED"),
        ] {
            gw.sim.script(script.chunks(9).usage(70, 50));
            let answer = gw.post_json(&format!("{STREAM}{query}"), &ask()).await;
            let text = answer.text();
            let last: Value = if query.is_empty() {
                let all: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                assert_eq!(all.as_array().unwrap().len(), 5, "{text}");
                all[4].clone()
            } else {
                serde_json::from_str(text.trim_end().rsplit("data: ").next().unwrap()).unwrap()
            };
            assert_eq!(
                (last["error"]["status"].as_str(), last["error"]["details"][0]["reason"].as_str()),
                (Some(status), Some(code))
            );
            let record = gw.record(&answer.request_id()).await;
            assert_eq!(
                (record.outcome, record.usage_source, record.tokens_in),
                (Outcome::Failed, UsageSource::Estimated, 70)
            );
            assert!((1..50).contains(&record.tokens_out), "{}", record.tokens_out);
        }
    }
}

#[tokio::test]
async fn odd_streams_are_served_and_billed() {
    let gw = start().await;
    for query in ["?alt=sse", ""] {
        for (script, source, out) in [
            (Script::default().chunks(3).usage(5, 30).no_done(), UsageSource::Reported, 30..31),
            (Script::default().chunks(3).usage(5, 30).split_events(7), UsageSource::Reported, 30..31),
            (Script::default().chunks(3).usage(0, 0), UsageSource::Reported, 0..1),
            (Script::default().chunks(3).usage(5, 30).usage_on_finish_chunk(), UsageSource::Reported, 30..31),
            (Script::default().chunks(3).no_usage(), UsageSource::Estimated, 2..30),
        ] {
            gw.sim.script(script);
            let answer = gw.post_json(&format!("{STREAM}{query}"), &ask()).await;
            if query.is_empty() {
                assert!(answer.json().as_array().is_some_and(|all| all.len() == 4), "{}", answer.text());
            }
            let record = gw.record(&answer.request_id()).await;
            assert_eq!((record.outcome, record.usage_source), (Outcome::Ok, source), "{}", answer.text());
            assert!(out.contains(&record.tokens_out), "{}", record.tokens_out);
        }
        gw.sim.script(Script::default().chunks(9).error_after(2));
        let answer = gw.post_json(&format!("{STREAM}{query}"), &ask()).await;
        let record = gw.record(&answer.request_id()).await;
        assert_eq!(
            (record.outcome, record.error_code.as_deref()),
            (Outcome::Failed, Some("upstream_error")),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn counts_are_free_and_embeddings_are_not() {
    let gw = start().await;
    let pricing: Pricing = serde_json::from_value(json!({"embeddings_cost_per_1k_tokens": "1.00"})).unwrap();
    gw.fleet
        .model(NewModel { pricing: Some(pricing), slug: Some("gemini-embedding-001"), ..NewModel::named("vectors") })
        .await;
    let count = json!({"generateContentRequest": {"model": "models/vectors", "contents": [{"parts": [{"text": "x".repeat(99)}]}]}});
    let answer = gw.post_json("/v1beta/models/vectors:countTokens", &count).await;
    assert!(answer.json()["totalTokens"].as_u64().unwrap() > 0, "{}", answer.text());
    assert_eq!(gw.sim.requests()[0].json()["generateContentRequest"]["model"], "models/gemini-embedding-001");
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens_in, record.cost_nanos), (0, Some(0)));
    gw.sim.script(Script::default().usage(1_000, 0));
    let batch = json!({"requests": [{"model": "models/vectors", "content": {"parts": [{"text": "a"}]}}]});
    let answer = gw.post_json("/v1beta/models/vectors:batchEmbedContents", &batch).await;
    assert_eq!(answer.json()["embeddings"].as_array().map(Vec::len), Some(1), "{}", answer.text());
    assert_eq!(gw.sim.requests()[1].json()["requests"][0]["model"], "models/gemini-embedding-001");
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens.embeddings, record.cost_nanos), (1_000, Some(1_000_000_000)));
    let one =
        gw.post_json("/v1beta/models/vectors:embedContent", &json!({"content": {"parts": [{"text": "a"}]}})).await;
    assert!(one.json()["embedding"]["values"].is_array(), "{}", one.text());
}

#[tokio::test]
async fn a_hard_budget_caps_every_candidate() {
    let gw = start().await;
    let pricing = serde_json::from_value(
        json!({"input": {"text_cost_per_1k_tokens": "1.00"}, "output": {"text_cost_per_1k_tokens": "1.00"}}),
    )
    .unwrap();
    gw.fleet.model(NewModel { pricing: Some(pricing), slug: Some("gemini-2.5-pro"), ..NewModel::named("dear") }).await;
    gw.fleet.budget("small", "0.40", Enforcement::Hard).await;
    let mut request = ask();
    request["generation_config"] = json!({"candidate_count": 2});
    let answer = gw.post_json("/v1beta/models/dear:generateContent", &request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cap = gw.sim.requests()[0].json()["generation_config"]["maxOutputTokens"].as_u64().unwrap();
    assert!((1..200).contains(&cap), "two answers share what is left: {cap}");
}

#[tokio::test]
async fn errors_have_googles_shape_and_an_upstreams_pass() {
    let gw = start().await;
    let unknown = gw.post_json("/v1beta/models/unknown:generateContent", &ask()).await;
    expect_error(&unknown, 400, "INVALID_ARGUMENT", "model_not_found");
    expect_error(&gw.post(GENERATE, "[]").await, 400, "INVALID_ARGUMENT", "invalid_request_body");
    for path in
        ["/v1beta/models/flash:predict", "/v1beta/models/flash", "/v1beta/files/x:generateContent", "/v1beta/nothing"]
    {
        expect_error(&gw.post_json(path, &ask()).await, 404, "NOT_FOUND", "not_found");
    }
    gw.sim.script(Script::default().status(429));
    let answer = gw.post_json(GENERATE, &ask()).await;
    assert_eq!((answer.status, answer.json()["error"]["status"].as_str()), (429, Some("RESOURCE_EXHAUSTED")));
    gw.sim.script(Script::default().garbage());
    expect_error(&gw.post_json(GENERATE, &ask()).await, 502, "INTERNAL", "upstream_error");
}

#[tokio::test]
async fn models_are_listed_in_googles_shape() {
    let gw = start().await;
    let models = gw.get("/v1beta/models?pageSize=50").await.json();
    let names: Vec<_> = models["models"].as_array().unwrap().iter().map(|model| model["name"].clone()).collect();
    assert_eq!(names, ["models/fast", "models/flash"]);
    let one = gw.get("/v1beta/models/flash").await.json();
    assert!(one["supportedGenerationMethods"].as_array().unwrap().contains(&json!("generateContent")));
    expect_error(&gw.get("/v1beta/models/nothing").await, 400, "INVALID_ARGUMENT", "model_not_found");
    expect_error(&gw.get("/v1beta/files/x").await, 404, "NOT_FOUND", "not_found");
}
