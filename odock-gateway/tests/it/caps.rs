//! A budget that cuts an answer never makes a request that its provider would refuse: then the budget is what is said.

use entity::pricing::{ClassPrices, Pricing, UnitPrice};
use entity::vocab::{Enforcement, ProviderType};
use odock_sim::Script;
use serde_json::{Value, json};

use crate::support::{NewModel, TestGateway};

/// A cent for a token of an answer; the prompt costs nothing.
async fn start(kind: ProviderType, mount: &str, slug: &str, usd: &str) -> TestGateway {
    let gw = TestGateway::start_at(kind, mount, |_| {}).await;
    let output = ClassPrices { text_cost_per_1k_tokens: Some("10".parse().unwrap()), ..Default::default() };
    let pricing = Some(Pricing { output, ..Default::default() });
    gw.fleet.model(NewModel { slug: Some(slug), pricing, ..NewModel::named("dear") }).await;
    gw.fleet.budget("small", usd, Enforcement::Hard).await;
    gw
}

async fn refused(gw: &TestGateway, route: &str, request: Value, why: &str) {
    let answer = gw.post_json(route, &request).await;
    let message = answer.text();
    assert_eq!(answer.status, 402, "{message}");
    assert!(
        message.contains("budget_exceeded") && message.contains("budget small") && message.contains(why),
        "{message}"
    );
    assert_eq!(gw.sim.requests().len(), 0, "it was not sent");
    assert_eq!(gw.record(&answer.request_id()).await.cost_nanos, None);
}

async fn cut_to(gw: &TestGateway, route: &str, request: Value, pointer: &str, cap: u64) {
    let answer = gw.post_json(route, &request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = gw.sim.requests().pop().unwrap().json();
    assert_eq!(sent.pointer(pointer).and_then(Value::as_u64), Some(cap), "{sent}");
}

#[tokio::test]
async fn anthropics_thinking_needs_room_for_an_answer() {
    // It pays for 1 500 tokens.
    let gw = start(ProviderType::Anthropic, "/anthropic", "claude-sonnet-4-5", "15").await;
    let ask = |budget: u64| {
        json!({"model": "dear", "max_tokens": 4_000, "thinking": {"type": "enabled", "budget_tokens": budget},
            "messages": [{"role": "user", "content": "x"}]})
    };
    refused(&gw, "/v1/messages", ask(1_500), "thinking.budget_tokens, 1500").await;
    cut_to(&gw, "/v1/messages", ask(1_499), "/max_tokens", 1_500).await;
}

#[tokio::test]
async fn geminis_thinking_needs_room_for_an_answer() {
    let gw = start(ProviderType::Google, "/gemini", "gemini-2.5-flash", "15").await;
    let ask = |budget: Value| {
        json!({"contents": [{"parts": [{"text": "x"}]}],
            "generationConfig": {"maxOutputTokens": "4000", "thinkingConfig": {"thinkingBudget": budget}}})
    };
    let route = "/v1beta/models/dear:generateContent";
    for budget in [json!(1_500), json!("2000")] {
        refused(&gw, route, ask(budget), "thinkingConfig.thinkingBudget").await;
    }
    // A number in quotes, as protobuf's JSON takes it, is a cap like any other.
    cut_to(&gw, route, ask(json!(-1)), "/generationConfig/maxOutputTokens", 1_500).await;
}

#[tokio::test]
async fn openais_responses_have_a_least_length() {
    let gw = start(ProviderType::OpenAi, "", "gpt", "0.15").await;
    let ask = |cap: u64| json!({"model": "dear", "max_output_tokens": cap, "input": "x"});
    refused(&gw, "/v1/responses", ask(100), "room for 16 tokens").await;
    let gw = start(ProviderType::OpenAi, "", "gpt", "0.16").await;
    cut_to(&gw, "/v1/responses", ask(100), "/max_output_tokens", 16).await;
}

#[tokio::test]
async fn the_unified_route_says_the_same() {
    let gw = start(ProviderType::Anthropic, "/anthropic", "claude-sonnet-4-5", "15").await;
    let ask = |budget: u64| {
        json!({"model": "dear", "max_tokens": 4_000, "reasoning": {"max_tokens": budget},
            "messages": [{"role": "user", "content": "x"}]})
    };
    refused(&gw, "/v1/llm/chat", ask(2_000), "no room for the reasoning").await;
    cut_to(&gw, "/v1/llm/chat", ask(1_400), "/max_tokens", 1_500).await;
}

#[tokio::test]
async fn a_file_that_is_elsewhere_may_fill_the_window() {
    let part = |file: Value| {
        json!({"model": "read", "max_tokens": 10,
            "messages": [{"role": "user", "content": [{"type": "file", "file": file}]}]})
    };
    for (kind, mount, slug, route, elsewhere) in [
        (ProviderType::OpenAi, "", "gpt", "/v1/chat/completions", json!({"file_id": "file-1"})),
        (
            ProviderType::Anthropic,
            "/anthropic",
            "claude-sonnet-4-5",
            "/v1/llm/chat",
            json!({"file_url": "https://example.com/a.pdf"}),
        ),
    ] {
        let gw = TestGateway::start_at(kind, mount, |_| {}).await;
        // A cent for a thousand tokens of a prompt: a full window costs dollars.
        let input = ClassPrices { text_cost_per_1k_tokens: Some("0.01".parse().unwrap()), ..Default::default() };
        let pricing = Some(Pricing { input, ..Default::default() });
        gw.fleet.model(NewModel { slug: Some(slug), pricing, ..NewModel::named("read") }).await;
        gw.fleet.budget("small", "0.5", Enforcement::Hard).await;
        let answer = gw.post_json(route, &part(elsewhere)).await;
        answer.expect_error(402, "budget_exceeded");
        assert_eq!(gw.sim.requests().len(), 0, "it was not sent");
        let held = json!({"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="});
        let answer = gw.post_json(route, &part(held)).await;
        assert_eq!(answer.status, 200, "what the request holds is there to count: {}", answer.text());
    }
}

#[tokio::test]
async fn a_search_of_anthropics_is_sold_by_the_unit() {
    let gw = TestGateway::start_at(ProviderType::Anthropic, "/anthropic", |_| {}).await;
    let unit = Some(UnitPrice { label: "web search".into(), cost_per_1k_units: "10".parse().unwrap() });
    let pricing = Some(Pricing { unit, ..Pricing::default() });
    gw.fleet.model(NewModel { slug: Some("claude-sonnet-4-5"), pricing, ..NewModel::named("smart") }).await;
    gw.fleet.budget("searches", "0.03", Enforcement::Hard).await;
    let ask = |most: u64| {
        json!({"model": "smart", "max_tokens": 100, "messages": [{"role": "user", "content": "x"}],
            "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": most}]})
    };
    gw.sim.script(Script::default().usage_detail(json!({"server_tool_use": {"web_search_requests": 2}})));
    let answer = gw.post_json("/v1/messages", &ask(4)).await;
    assert_eq!(answer.status, 402, "four may cost more than is there: {}", answer.text());
    let answer = gw.post_json("/v1/messages", &ask(3)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens.units, record.cost_nanos), (2, Some(20_000_000)));
    assert_eq!(record.bill.unwrap().lines[0].class, "unit:web search");
}

#[tokio::test]
async fn a_search_of_openais_is_sold_by_the_unit() {
    let gw = TestGateway::start().await;
    let unit = Some(UnitPrice { label: "web search".into(), cost_per_1k_units: "10".parse().unwrap() });
    let pricing = Some(Pricing { unit, ..Pricing::default() });
    gw.fleet.model(NewModel { slug: Some("gpt-5-mini"), pricing, ..NewModel::named("smart") }).await;
    gw.fleet.budget("searches", "0.03", Enforcement::Hard).await;
    let ask = |most: u64| {
        json!({"model": "smart", "input": "x", "max_output_tokens": 100, "tools": [{"type": "web_search"}],
            "max_tool_calls": most})
    };
    let item = |action: &str| json!({"type": "web_search_call", "status": "completed", "action": {"type": action}});
    let said = json!({"object": "response", "output": [item("search"), item("open_page"), item("search")],
        "usage": {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}});
    gw.sim.script(Script::default().body(said.to_string()));
    let answer = gw.post_json("/v1/responses", &ask(4)).await;
    assert_eq!(answer.status, 402, "four may cost more than is there: {}", answer.text());
    let answer = gw.post_json("/v1/responses", &ask(3)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens.units, record.cost_nanos), (2, Some(20_000_000)));
    assert_eq!(record.bill.unwrap().lines[0].class, "unit:web search");
}
