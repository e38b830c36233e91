//! Hugging Face's routes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entity::pricing::{Pricing, UnitPrice};
use entity::vocab::{Enforcement, Outcome, ProviderType, UsageSource};
use odock_sim::Script;
use serde_json::{Value, json};

use crate::support::{NewModel, TestGateway, chat, stream};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

async fn start() -> TestGateway {
    let gw = TestGateway::start_at(ProviderType::HuggingFace, "/huggingface", |_| {}).await;
    for (name, slug) in [
        ("llama", "meta-llama/Llama-3.3-70B-Instruct"),
        ("pinned", "meta-llama/Llama-3.3-70B-Instruct:groq"),
        ("vectors", "intfloat/e5-large"),
        ("painter", "black-forest-labs/FLUX.1-dev"),
        ("fal-painter", "fal-ai/flux/dev:fal-ai"),
        ("film", "fal-ai/ltx-video:fal-ai"),
        ("ears", "openai/whisper-large-v3"),
    ] {
        let pricing = Pricing {
            unit: Some(UnitPrice { label: "unit".into(), cost_per_1k_units: "1000".parse().unwrap() }),
            ..Pricing::default()
        };
        gw.fleet.model(NewModel { slug: Some(slug), pricing: Some(pricing), ..NewModel::named(name) }).await;
    }
    gw
}

#[tokio::test]
async fn chat_goes_to_the_router_with_the_provider_that_slug_or_caller_names() {
    let gw = start().await;
    for (model, route, slug) in [
        ("llama", "/v1/huggingface/chat/completions", "meta-llama/Llama-3.3-70B-Instruct"),
        ("llama:together", "/v1/huggingface/v1/chat/completions", "meta-llama/Llama-3.3-70B-Instruct:together"),
        ("pinned", "/v1/huggingface/chat/completions", "meta-llama/Llama-3.3-70B-Instruct:groq"),
    ] {
        let answer = gw.post_json(route, &chat(model)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = gw.sim.requests().pop().unwrap();
        assert_eq!(
            (sent.path.as_str(), sent.json()["model"].as_str()),
            ("/huggingface/v1/chat/completions", Some(slug))
        );
        let record = gw.record(&answer.request_id()).await;
        assert_eq!(record.model.as_deref(), model.split(':').next());
    }
    let undone = gw.post_json("/v1/huggingface/chat/completions", &chat("pinned:together")).await;
    undone.expect_error(400, "invalid_request");
    assert!(undone.text().contains("groq"));
    gw.post_json("/v1/huggingface/chat/completions", &chat("unknown:together"))
        .await
        .expect_error(400, "model_not_found");
    gw.sim.script(Script::default().chunks(3).usage(5, 3));
    let answer = gw.post_json("/v1/huggingface/chat/completions", &stream("llama:together")).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens_in, record.tokens_out, record.outcome), (5, 3, Outcome::Ok));
}

#[tokio::test]
async fn texts_become_vectors_and_each_is_a_unit() {
    let gw = start().await;
    let request = json!({"model": "vectors", "inputs": ["one", "two"], "normalize": true});
    let answer = gw.post_json("/v1/huggingface/feature-extraction", &request).await;
    assert_eq!(answer.json().as_array().map(Vec::len), Some(2), "{}", answer.text());
    let sent = &gw.sim.requests()[0];
    assert_eq!(sent.path, "/huggingface/hf-inference/models/intfloat/e5-large/pipeline/feature-extraction");
    assert_eq!(sent.json(), json!({"inputs": ["one", "two"], "normalize": true}));
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens.units, record.tokens.total, record.cost_nanos), (2, 0, Some(2_000_000_000)));
    assert_eq!(record.usage_source, UsageSource::Reported);
}

#[tokio::test]
async fn an_image_comes_in_an_envelope() {
    let gw = start().await;
    gw.sim.script(Script::default().media(PNG, "image/png"));
    let request = json!({"model": "painter", "inputs": "a cat", "parameters": {"seed": 7}});
    let answer = gw.post_json("/v1/huggingface/text-to-image", &request).await;
    assert_eq!((answer.status, &answer.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    assert_eq!(answer.json(), json!({"data": STANDARD.encode(PNG), "content_type": "image/png"}));
    assert_eq!(gw.sim.requests()[0].path, "/huggingface/hf-inference/models/black-forest-labs/FLUX.1-dev");
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens.units, record.cost_nanos), (1, Some(1_000_000_000)));
}

#[tokio::test]
async fn other_providers_are_asked_in_their_own_words() {
    let gw = start().await;
    let answer =
        gw.post_json("/v1/huggingface/text-to-image", &json!({"model": "fal-painter", "inputs": "a cat"})).await;
    assert!(answer.json()["url"].is_string() && answer.json()["content_type"] == "image/png", "{}", answer.text());
    let sent = &gw.sim.requests()[0];
    assert_eq!(
        (sent.path.as_str(), sent.json()),
        ("/huggingface/fal-ai/fal-ai/flux/dev", json!({"prompt": "a cat", "sync_mode": true}))
    );
    let answer = gw.post_json("/v1/huggingface/text-to-video", &json!({"model": "film", "inputs": "a cat"})).await;
    assert_eq!(answer.json()["content_type"], "video/mp4", "{}", answer.text());
    assert_eq!(gw.record(&answer.request_id()).await.tokens.units, 1);
    let answer =
        gw.post_json("/v1/huggingface/text-to-image", &json!({"model": "painter:groq", "inputs": "a cat"})).await;
    answer.expect_error(400, "invalid_request");
    assert_eq!(gw.sim.requests().len(), 2, "what cannot be asked is not sent");
    assert_eq!(gw.record(&answer.request_id()).await.cost_nanos, None);
}

#[tokio::test]
async fn speech_is_heard_as_a_recording_or_in_base64() {
    let gw = start().await;
    gw.sim.script(Script::default().text("hello"));
    let raw = gw.http.post(gw.url("/v1/huggingface/speech-to-text?model=ears")).bearer_auth(&gw.fleet.secret);
    let raw = TestGateway::send(raw.header("content-type", "audio/flac").body("fLaC...")).await;
    assert_eq!((raw.status, raw.json()["text"].as_str()), (200, Some("hello")), "{}", raw.text());
    let sent = &gw.sim.requests()[0];
    assert_eq!(
        (sent.path.as_str(), sent.header("content-type")),
        ("/huggingface/hf-inference/models/openai/whisper-large-v3", Some("audio/flac"))
    );
    assert_eq!(&sent.body[..], b"fLaC...");
    assert_eq!(gw.record(&raw.request_id()).await.tokens.units, 1);
    let request =
        json!({"model": "ears", "inputs": STANDARD.encode("fLaC..."), "parameters": {"return_timestamps": true}});
    let answer = gw.post_json("/v1/huggingface/speech-to-text", &request).await;
    assert_eq!((answer.status, answer.json()["text"].as_str()), (200, Some("hello")));
    let nameless = gw.http.post(gw.url("/v1/huggingface/speech-to-text")).bearer_auth(&gw.fleet.secret);
    let nameless = TestGateway::send(nameless.header("content-type", "audio/flac").body("fLaC")).await;
    nameless.expect_error(400, "invalid_request_body");
    let image = gw.http.post(gw.url("/v1/huggingface/text-to-image")).bearer_auth(&gw.fleet.secret);
    TestGateway::send(image.header("content-type", "audio/flac").body("fLaC"))
        .await
        .expect_error(400, "invalid_request_body");
}

#[tokio::test]
async fn a_budget_pays_by_the_unit() {
    let gw = start().await;
    gw.fleet.budget("three", "3", Enforcement::Hard).await;
    let ask = |images: u64| json!({"model": "painter", "inputs": "a cat", "parameters": {"num_images": images}});
    gw.post_json("/v1/huggingface/text-to-image", &ask(4)).await.expect_error(402, "budget_exceeded");
    assert_eq!(gw.post_json("/v1/huggingface/text-to-image", &ask(3)).await.status, 200);
}

#[tokio::test]
async fn an_upstreams_refusals_pass_and_nonsense_does_not() {
    let gw = start().await;
    let request: Value = json!({"model": "painter", "inputs": "a cat"});
    gw.sim.script(Script::default().status(503));
    let answer = gw.post_json("/v1/huggingface/text-to-image", &request).await;
    assert_eq!((answer.status, answer.json()["estimated_time"].as_f64()), (503, Some(20.0)), "{}", answer.text());
    gw.sim.script(Script::default().raw_body("<html>oops", "text/html"));
    let answer = gw.post_json("/v1/huggingface/text-to-image", &request).await;
    answer.expect_error(502, "upstream_error");
    assert_eq!(gw.record(&answer.request_id()).await.outcome, Outcome::Failed);
}

#[tokio::test]
async fn models_are_listed_as_the_router_does() {
    let gw = start().await;
    let models = gw.get("/v1/huggingface/models").await.json();
    assert_eq!(models["object"], "list");
    assert!(models["data"].as_array().unwrap().iter().any(|model| model["id"] == "llama"));
}
