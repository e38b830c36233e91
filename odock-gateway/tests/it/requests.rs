//! What reaches the upstream, and what comes back.

use entity::pricing::Pricing;
use entity::vocab::{Outcome, UsageSource};
use odock_sim::Script;
use serde_json::json;

use crate::support::{NewModel, TestGateway, chat};

#[tokio::test]
async fn the_callers_bytes_arrive_but_for_the_models_name() {
    let gw = TestGateway::start().await;
    gw.fleet.model(NewModel { slug: Some("gpt-x"), ..NewModel::named("alias") }).await;
    let body = r#"{ "zeta":1.50, "model" : "alias", "x_unknown":{"b":[1e3,null]}, "messages":[{"role":"user","content":"h\u00e9"}] }"#;
    let answer = gw.chat_bytes(body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = gw.sim.requests().remove(0);
    assert_eq!(sent.text(), body.replace("alias", "gpt-x"));
    assert_eq!(sent.header("authorization"), Some(&*format!("Bearer {}", crate::support::PROVIDER_SECRET)));
}

#[tokio::test]
async fn only_named_headers_reach_the_upstream() {
    let gw = TestGateway::start().await;
    let request =
        gw.http.post(gw.url("/v1/chat/completions")).header("x-api-key", &gw.fleet.secret).json(&chat("fast"));
    let request =
        request.header("cookie", "a=b").header("x-forwarded-for", "1.2.3.4").header("openai-organization", "org-other");
    TestGateway::send(request.header("openai-beta", "x=y").header("x-stainless-lang", "rust")).await;
    let sent = gw.sim.requests().remove(0);
    for name in ["cookie", "x-forwarded-for", "openai-organization", "x-api-key", "x-request-id"] {
        assert_eq!(sent.header(name), None, "{name}");
    }
    assert_eq!(sent.header("openai-beta"), Some("x=y"));
    assert_eq!(sent.header("x-stainless-lang"), Some("rust"));
}

#[tokio::test]
async fn usage_and_cost_are_on_the_record() {
    let gw = TestGateway::start().await;
    let pricing: Pricing = serde_json::from_value(
        json!({"input":{"text_cost_per_1k_tokens":"0.0004"},"output":{"text_cost_per_1k_tokens":"0.0016"},"cached_input_discount_percent":50}),
    )
    .unwrap();
    gw.fleet.model(NewModel { pricing: Some(pricing), ..NewModel::named("priced") }).await;
    gw.sim.enqueue(Script::default().usage(1000, 10));
    let answer = gw.chat(&chat("priced")).await;
    assert_eq!(answer.status, 200);
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.outcome, record.status, record.usage_source), (Outcome::Ok, 200, UsageSource::Reported));
    assert_eq!((record.tokens_in, record.tokens_out), (1000, 10));
    assert_eq!(record.cost_nanos, Some(400_000 + 16_000));
    let bill = record.bill.unwrap();
    assert_eq!(bill.lines.iter().map(|line| line.nanos).sum::<i64>(), bill.total_nanos);
    assert_eq!((record.model.as_deref(), record.provider.as_deref()), (Some("priced"), Some("upstream")));
    assert_eq!(record.routing.attempts.len(), 1);
    let stages: Vec<_> = record.metadata.stages.iter().map(|mark| &*mark.stage).collect();
    assert_eq!(stages, ["authenticate", "decode", "route", "dispatch", "first_byte", "last_byte"]);
}

#[tokio::test]
async fn without_a_price_the_cost_is_absent_and_not_zero() {
    let gw = TestGateway::start().await;
    let answer = gw.chat(&chat("fast")).await;
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.cost_nanos, record.bill), (None, None));
    assert_eq!(record.usage_source, UsageSource::Reported);
}

#[tokio::test]
async fn usage_that_is_not_reported_is_estimated_and_says_so() {
    let gw = TestGateway::start().await;
    gw.sim.enqueue(Script::default().no_usage());
    let answer = gw.chat(&chat("fast")).await;
    let record = gw.record(&answer.request_id()).await;
    assert_eq!(record.usage_source, UsageSource::Estimated);
    assert!(record.tokens_in > 0 && record.tokens_out > 0);
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_a_used_one_is_not() {
    let gw = TestGateway::start().await;
    let call = |id: &'static str| {
        gw.http
            .post(gw.url("/v1/chat/completions"))
            .bearer_auth(&gw.fleet.secret)
            .header("x-request-id", id)
            .json(&chat("fast"))
    };
    assert_eq!(TestGateway::send(call("mine-1")).await.request_id(), "mine-1");
    let second = TestGateway::send(call("mine-1")).await.request_id();
    assert_ne!(second, "mine-1");
    let record = gw.record(&second).await;
    assert_eq!(record.metadata.inbound_request_id.as_deref(), Some("mine-1"));
    assert_ne!(TestGateway::send(call("no spaces")).await.request_id(), "no spaces");
}

#[tokio::test]
async fn the_trace_is_on_the_record_and_goes_on_to_the_upstream() {
    let gw = TestGateway::start().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request =
        gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).header("traceparent", trace);
    let answer = TestGateway::send(request.json(&chat("fast"))).await;
    assert_eq!(gw.record(&answer.request_id()).await.trace_id.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(gw.sim.requests()[0].header("traceparent"), Some(trace));
}

#[tokio::test]
async fn health_needs_no_key_and_metrics_count() {
    let gw = TestGateway::start().await;
    gw.chat(&chat("fast")).await;
    for path in ["/v1/health", "/v1/healthz"] {
        assert_eq!(TestGateway::send(gw.http.get(gw.url(path))).await.status, 200, "{path}");
    }
    let metrics = TestGateway::send(gw.http.get(gw.url("/metrics"))).await.text();
    let line = metrics.lines().find(|line| line.starts_with("gateway_requests_total") && line.contains("2xx")).unwrap();
    assert!(line.ends_with(" 1"), "{line}");
    assert!(!metrics.contains("acme"), "an organisation is no label");
    TestGateway::send(gw.http.get(gw.url("/nowhere"))).await.expect_error(404, "not_found");
    TestGateway::send(gw.http.get(gw.url("/v1/chat/completions"))).await.expect_error(405, "method_not_allowed");
}
