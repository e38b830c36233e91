//! Requests that are not sent: what each gate would say, and nothing taken.

use entity::row::{ledger_lease, usage_record};
use entity::usage::ReservationMark;
use http::Method;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::{Answer, Api, sealed};

/// An organisation whose key `ci` may call `fast` but not `large`.
async fn ready() -> Api {
    let api = Api::with_organisations().await;
    let keys = json!([{"name": "primary", "secret": sealed(&api.gateway, "sk-upstream")}]);
    api.create("providers", "openai", json!({"type": "OPENAI", "keys": keys})).await.expect(201);
    let prices = json!({"input": {"text_cost_per_1k_tokens": "0.01"}, "output": {"text_cost_per_1k_tokens": "0.01"}});
    let fast = json!({"provider": "openai", "slug": "gpt-4.1-mini", "pricing": prices});
    api.create("models", "fast", fast).await.expect(201);
    api.create("models", "large", json!({"provider": "openai"})).await.expect(201);
    api.create("apikeys", "ci", json!({"type": "ORGANISATION", "models": ["fast"]})).await.expect(201);
    api
}

async fn simulate(api: &Api, body: Value) -> Answer {
    api.acme(Method::POST, "apikeys/ci/simulate", Some(body)).await
}

/// `gate`, or `gate: code` of one that refuses; and the verdict.
fn said(answer: Answer) -> Vec<String> {
    let body = answer.expect(200).body;
    let line = |gate: &Value| match gate["code"].as_str() {
        Some(code) => format!("{}: {code}", gate["gate"].as_str().unwrap()),
        None => gate["gate"].as_str().unwrap().to_owned(),
    };
    let mut said: Vec<String> = body["gates"].as_array().unwrap().iter().map(line).collect();
    said.push(body["verdict"].as_str().unwrap().to_owned());
    said
}

#[tokio::test]
async fn every_gate_says_what_it_would_say() {
    let api = ready().await;
    assert_eq!(
        said(simulate(&api, json!({"model": "fast"})).await),
        ["authenticate", "decode", "model", "provider", "pass"]
    );
    for (model, code) in [("large", "model_not_allowed"), ("huge", "model_not_found")] {
        let expected = ["authenticate".to_owned(), "decode".to_owned(), format!("model: {code}"), "deny".to_owned()];
        assert_eq!(said(simulate(&api, json!({"model": model})).await), expected);
    }
    let unreadable = simulate(&api, json!({"request": {"model": 5}})).await;
    assert_eq!(said(unreadable), ["authenticate", "decode: invalid_request_body", "deny"]);
    api.acme(Method::PATCH, "providers/openai", Some(json!({"enabled": false}))).await.expect(200);
    api.acme(Method::POST, "apikeys/ci/revoke", None).await.expect(200);
    assert_eq!(
        said(simulate(&api, json!({"model": "fast"})).await),
        ["authenticate: api_key_revoked", "decode", "model", "provider: provider_disabled", "deny"]
    );
}

#[tokio::test]
async fn a_budget_says_whether_it_would_pay_and_is_not_touched() {
    let api = ready().await;
    let budget = json!({"owner": {"type": "APIKEY", "name": "ci"}, "period": "MONTHLY", "amountUsd": "0.01"});
    api.create("budgets", "small", budget).await.expect(201);
    let quota = json!({"owner": {"type": "ORG"}, "metric": "REQUESTS", "limit": 5, "period": "DAILY"});
    api.create("quotas", "requests", quota).await.expect(201);
    assert_eq!(
        said(simulate(&api, json!({"model": "fast"})).await),
        ["authenticate", "decode", "model", "provider", "reserve", "reserve", "pass"]
    );
    let request = json!({"model": "fast", "max_tokens": 5_000, "messages": [{"role": "user", "content": "Hello"}]});
    let refused = simulate(&api, json!({"request": request})).await.expect(200);
    let mark = refused.body["gates"][4]["reservation"].clone();
    let mark: ReservationMark = serde_json::from_value(mark).unwrap();
    assert_eq!((&*mark.name, mark.limit, mark.left, mark.refused), ("small", 10_000_000, 10_000_000, true));
    assert!(mark.estimate > 50_000_000, "{mark:?}");
    let words = said(refused);
    assert_eq!(words[4], "reserve: budget_exceeded");
    assert_eq!(words.last().unwrap(), "deny");
    // A hard budget would cut the answer to what it can pay for.
    api.acme(Method::PATCH, "budgets/small", Some(json!({"enforcement": "hard"}))).await.expect(200);
    let cut = simulate(&api, json!({"request": request})).await.expect(200);
    let tokens = cut.body["clampedTo"].as_u64().unwrap();
    assert!((900..1_000).contains(&tokens), "{tokens} tokens at a cent a thousand, for a cent");
    assert_eq!(said(cut).last().unwrap(), "pass");

    let db = api.gateway.database.reader();
    assert_eq!(usage_record::Entity::find().count(db).await.unwrap(), 0);
    let held: Vec<i64> = ledger_lease::Entity::find().all(db).await.unwrap().into_iter().map(|row| row.held).collect();
    assert!(held.iter().all(|held| *held == 0), "{held:?}");
    let shown = api.acme(Method::GET, "limits", None).await.expect(200);
    assert_eq!(shown.body["items"][0]["window"]["left"], 10_000_000);
}

#[tokio::test]
async fn rate_limits_of_every_scope_are_asked_in_the_order_of_the_gates() {
    let api = ready().await;
    let key = json!({"ratelimit": {"requests": {"per_minute": 60}, "payload": {"max_tokens": 10}}});
    api.acme(Method::PATCH, "apikeys/ci", Some(json!({"policies": key}))).await.expect(200);
    let model = json!({"ratelimit": {"tokens": {"per_minute": 1_000}}, "shadow": true});
    api.acme(Method::PATCH, "models/fast", Some(json!({"policies": model}))).await.expect(200);
    for _ in 0..3 {
        let answer = simulate(&api, json!({"model": "fast"})).await.expect(200);
        let left = answer.body["gates"][1]["limit"].clone();
        assert_eq!(left, json!(["early", "api_key", "rpm", 60, 60, "pass"]), "nothing is taken");
        assert_eq!(said(answer), ["authenticate", "early", "decode", "model", "provider", "final", "final", "pass"]);
    }
    let request = json!({"model": "fast", "max_tokens": 5_000, "messages": [{"role": "user", "content": "Hello"}]});
    let refused = simulate(&api, json!({"request": request})).await.expect(200);
    let of = |index: usize| refused.body["gates"][index]["limit"].clone();
    assert_eq!(of(5), json!(["final", "api_key", "max_tokens", 10, 0, "deny"]));
    assert_eq!((of(6)[2].clone(), of(6)[5].clone()), (json!("tpm"), json!("shadow")));
    let words = said(refused);
    assert_eq!(words[5..], ["final: max_tokens_exceeded", "final", "deny"]);
}

#[tokio::test]
async fn what_to_simulate_is_said_once() {
    let api = ready().await;
    for (body, error) in [
        (json!({}), "/request missing"),
        (json!({"request": "x"}), "/request wrong_type"),
        (json!({"model": 5}), "/model wrong_type"),
        (json!({"model": "fast", "request": {}}), "/model invalid"),
        (json!({"model": "fast", "prompt": "x"}), "/prompt unknown_field"),
    ] {
        assert_eq!(simulate(&api, body).await.problem(422, "invalid").errors(), [error]);
    }
    let nobody = api.acme(Method::POST, "apikeys/nobody/simulate", Some(json!({"model": "fast"}))).await;
    nobody.problem(404, "not_found");
}
