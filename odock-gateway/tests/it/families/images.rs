//! OpenAI's images: made, edited, varied; whole and as they come about.

use entity::pricing::Pricing;
use entity::vocab::{Enforcement, Outcome, UsageSource};
use odock_sim::Script;
use serde_json::{Value, json};

use super::forms::Form;
use crate::support::{NewModel, TestGateway};

const ANSWER: &str = include_str!("../../fixtures/openai/images_answer.json");

/// A cent for a thousand tokens in, four for a thousand of an image.
fn by_token() -> Pricing {
    let prices = json!({"input": {"text_cost_per_1k_tokens": "0.005", "image_cost_per_1k_tokens": "0.01"},
        "output": {"image_cost_per_1k_tokens": "0.04"}});
    serde_json::from_value(prices).unwrap()
}

/// Four cents an image.
fn by_image() -> Pricing {
    serde_json::from_value(json!({"unit": {"label": "image", "cost_per_1k_units": "40"}})).unwrap()
}

async fn start() -> TestGateway {
    let gw = TestGateway::start().await;
    gw.fleet
        .model(NewModel { slug: Some("gpt-image-1"), pricing: Some(by_token()), ..NewModel::named("painter") })
        .await;
    gw.fleet.model(NewModel { slug: Some("dall-e-2"), pricing: Some(by_image()), ..NewModel::named("sketcher") }).await;
    gw
}

#[tokio::test]
async fn images_are_billed_by_token_where_tokens_are_reported() {
    let gw = start().await;
    gw.sim.script(Script::default().body(ANSWER));
    let request = r#"{"prompt":"A dot", "model":"painter", "n":2, "background":"transparent"}"#;
    let answer = gw.post("/v1/images/generations", request).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, ANSWER));
    assert_eq!(gw.sim.requests()[0].text(), request.replace("painter", "gpt-image-1"));
    let record = gw.record(&answer.request_id()).await;
    let tokens = &record.tokens;
    assert_eq!((tokens.input_text, tokens.output_image, tokens.output_text, tokens.units), (35, 2_112, 0, 2));
    assert_eq!(record.cost_nanos, Some(35 * 5_000 + 2_112 * 40_000));
    assert_eq!(record.usage_source, UsageSource::Reported);
}

#[tokio::test]
async fn images_are_billed_by_the_piece_where_none_are() {
    let gw = start().await;
    let answer = gw.post_json("/v1/images/generations", &json!({"model": "sketcher", "prompt": "A dot", "n": 3})).await;
    assert_eq!(answer.json()["data"].as_array().unwrap().len(), 3);
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens.units, record.tokens.total, record.cost_nanos), (3, 0, Some(120_000_000)));
    assert_eq!(record.bill.unwrap().lines[0].class, "unit:image");
}

#[tokio::test]
async fn edits_and_variations_are_billed_with_the_images_that_they_are_given() {
    let gw = start().await;
    let detail = json!({"input_tokens_details": {"text_tokens": 10, "image_tokens": 320}});
    gw.sim.script(Script::default().usage(330, 1_000).usage_detail(detail));
    let edit =
        Form::new().text("model", "painter").text("prompt", "Bigger").file("image[]", b"1").file("image[]", b"2");
    let answer = edit.send(&gw, "/v1/images/edits").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let record = gw.record(&answer.request_id()).await;
    let tokens = &record.tokens;
    assert_eq!((tokens.input_text, tokens.input_image, tokens.output_image), (10, 320, 1_000));
    assert_eq!(record.cost_nanos, Some(10 * 5_000 + 320 * 10_000 + 1_000 * 40_000));
    let variation = Form::new().text("model", "sketcher").text("n", "2").file("image", b"1");
    let answer = variation.send(&gw, "/v1/images/variations").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(gw.record(&answer.request_id()).await.cost_nanos, Some(80_000_000));
}

#[tokio::test]
async fn partial_images_pass_and_the_last_event_is_billed() {
    let gw = start().await;
    gw.sim.script(Script::default().usage(9, 1_300));
    let request = json!({"model": "painter", "prompt": "A dot", "stream": true, "partial_images": 2});
    let generated = gw.post_json("/v1/images/generations", &request).await;
    let form = Form::new().text("model", "painter").text("prompt", "A dot").text("stream", "true").file("image", b"1");
    let edited = form.send(&gw, "/v1/images/edits").await;
    for (answer, kind) in [(generated, "image_generation"), (edited, "image_edit")] {
        assert_eq!(answer.headers["content-type"], "text/event-stream; charset=utf-8");
        assert!(answer.text().contains(&format!("event: {kind}.completed\n")), "{}", answer.text());
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.outcome, record.stream), (Outcome::Ok, true));
        assert_eq!((record.tokens_in, record.tokens.output_image, record.tokens.units), (9, 1_300, 1));
    }
}

#[tokio::test]
async fn an_image_that_never_comes_ends_in_an_error_event() {
    let gw = start().await;
    gw.sim.script(Script::default().end_after(1));
    let request = json!({"model": "painter", "prompt": "A dot", "stream": true, "partial_images": 3});
    let answer = gw.post_json("/v1/images/generations", &request).await;
    let text = answer.text();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    let error: Value = serde_json::from_str(last.strip_prefix("event: error\ndata: ").unwrap()).unwrap();
    assert_eq!((&error["type"], &error["error"]["code"]), (&json!("error"), &json!("upstream_error")));
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Failed, UsageSource::Estimated));
    assert_eq!((record.tokens.output_image, record.tokens.output_text), (100, 0));
}

#[tokio::test]
async fn an_image_that_a_budget_does_not_pay_for_is_refused_and_not_made_smaller() {
    let gw = start().await;
    gw.fleet.budget("cap", "0.2", Enforcement::Hard).await;
    let ask = |model: &str, images: u64| json!({"model": model, "prompt": "A dot", "n": images});
    let refused = gw.post_json("/v1/images/generations", &ask("painter", 1)).await;
    refused.expect_error(402, "budget_exceeded");
    let refused = gw.post_json("/v1/images/generations", &ask("sketcher", 6)).await;
    refused.expect_error(402, "budget_exceeded");
    assert_eq!(gw.post_json("/v1/images/generations", &ask("sketcher", 5)).await.status, 200);
    assert_eq!(gw.sim.requests().len(), 1);
    assert_eq!(gw.sim.requests()[0].json(), json!({"model": "dall-e-2", "prompt": "A dot", "n": 5}));
}
