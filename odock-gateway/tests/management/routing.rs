//! Routing policies: declared, checked with the place of each mistake, and how upstreams have been doing.

use std::time::Duration;

use entity::vocab::BreakerState;
use http::Method;
use odock_gateway::routing::Verdict;
use serde_json::{Value, json};

use crate::support::{Api, manifest};

async fn populated() -> Api {
    let api = Api::with_organisations().await;
    let provider = json!({"type": "CUSTOM", "baseUrl": "https://upstream.example"});
    api.create("providers", "here", provider).await.expect(201);
    for (name, kind) in [("fast", "chat"), ("backup", "chat"), ("vectors", "embeddings")] {
        api.create("models", name, json!({"provider": "here", "type": kind})).await.expect(201);
    }
    api
}

fn key(routing: Value) -> Value {
    json!({"type": "ORGANISATION", "models": ["fast"], "routing": routing})
}

#[tokio::test]
async fn a_policy_is_kept_shown_and_patched() {
    let api = populated().await;
    let routing = json!({"chat": {"candidates": [{"modelName": "fast"}, {"modelName": "backup", "priority": 2}],
        "nativeFallback": {"openai": ["backup"]}}});
    let made = api.create("apikeys", "ci", key(routing)).await.expect(201);
    let whole = json!({"chat": {"strategy": "failover",
        "candidates": [{"modelName": "fast", "priority": 1}, {"modelName": "backup", "priority": 2}],
        "nativeFallback": {"openai": ["backup"]}, "failoverOn": ["5xx", "timeout"], "maxRetries": 2, "retryDelayMs": 100}});
    assert_eq!(made.body.pointer("/key/spec/routing"), Some(&whole));
    let patch = json!({"routing": {"chat": {"strategy": "round_robin", "maxRetries": 0}}});
    let patched = api.acme(Method::PATCH, "apikeys/ci", Some(patch)).await.expect(200);
    assert_eq!(patched.text("/spec/routing/chat/strategy"), "round_robin");
    assert_eq!(patched.body.pointer("/spec/routing/chat/candidates/1/modelName"), Some(&json!("backup")));
    let patched = api.acme(Method::PATCH, "apikeys/ci", Some(json!({"routing": {"chat": null}}))).await.expect(200);
    assert_eq!(patched.body.pointer("/spec/routing"), None, "a key without policies says nothing of them");
    let organisation = json!({"routing": {"enabled": true}});
    let path = "/api/admin/organisations/acme";
    let switched = api.patch(path, Some(&api.root), organisation).await.expect(200);
    assert_eq!(switched.body.pointer("/spec/routing/enabled"), Some(&json!(true)));
}

#[tokio::test]
async fn every_mistake_is_named_with_its_place() {
    let api = populated().await;
    for (routing, expected) in [
        (
            json!({"chat": {"candidates": [{"modelName": "fast"}, {"modelName": "bakup"}]}}),
            vec!["/spec/routing/chat/candidates/1/modelName bad_reference"],
        ),
        (
            json!({"chat": {"nativeFallback": {"openai": ["fast", "vectors"]}}}),
            vec!["/spec/routing/chat/nativeFallback/openai/1 invalid"],
        ),
        (json!({"chats": {}}), vec!["/spec/routing/chats unknown_field"]),
        (
            json!({"chat": {"strategy": "random", "maxRetries": 11, "retryDelayMs": -1, "failoverOn": ["4xx"], "hedge": {"percentile": 100}}}),
            vec![
                "/spec/routing/chat/strategy invalid",
                "/spec/routing/chat/failoverOn/0 invalid",
                "/spec/routing/chat/maxRetries invalid",
                "/spec/routing/chat/retryDelayMs invalid",
                "/spec/routing/chat/hedge/percentile invalid",
            ],
        ),
        (
            json!({"chat": {"candidates": [{"modelName": "fast"}, {"modelName": "fast", "priority": 0}]}}),
            vec![
                "/spec/routing/chat/candidates/1/priority invalid",
                "/spec/routing/chat/candidates/1/modelName duplicate",
            ],
        ),
        (
            json!({"chat": {"nativeFallback": {"opnai": ["fast"]}}}),
            vec!["/spec/routing/chat/nativeFallback/opnai unknown_field"],
        ),
    ] {
        let refused = api.create("apikeys", "ci", key(routing.clone())).await;
        assert_eq!(refused.errors(), expected, "{routing}: {:#}", refused.body);
    }
}

#[tokio::test]
async fn manifests_carry_policies_and_the_order_of_fallbacks_counts() {
    let api = populated().await;
    let with = |names: Value| {
        let routing = json!({"chat": {"nativeFallback": {"openai": names}}});
        let late = manifest("Model", "late", json!({"provider": "here"}));
        json!({"resources": [late, manifest("ApiKey", "ci", key(routing))]})
    };
    let apply = |body| api.acme(Method::POST, "apply?dryRun=false", Some(body));
    apply(with(json!(["backup", "late"]))).await.expect(200);
    let again = apply(with(json!(["backup", "late"]))).await.expect(200);
    assert!(again.body["changes"].as_array().unwrap().iter().all(|it| it["action"] == "unchanged"), "{:#}", again.body);
    let turned = apply(with(json!(["late", "backup"]))).await.expect(200);
    let changed =
        turned.body["changes"].as_array().unwrap().iter().find(|it| it["action"] == "update").unwrap().clone();
    assert_eq!(changed["fields"][0]["path"], "/routing/chat/nativeFallback/openai", "{changed:#}");
}

#[tokio::test]
async fn a_policy_outlives_a_model_that_it_names() {
    let api = populated().await;
    let routing = json!({"chat": {"nativeFallback": {"openai": ["backup"]}}});
    api.create("apikeys", "ci", key(routing.clone())).await.expect(201);
    api.acme(Method::DELETE, "models/backup", None).await.expect(204);
    let expiry = json!({"expiry": "2100-01-01T00:00:00Z"});
    api.acme(Method::PATCH, "apikeys/ci", Some(expiry)).await.expect(200);
    let retries = json!({"routing": {"chat": {"maxRetries": 1}}});
    let refused = api.acme(Method::PATCH, "apikeys/ci", Some(retries)).await;
    assert_eq!(refused.errors(), ["/routing/chat/nativeFallback/openai/0 bad_reference"], "{:#}", refused.body);
}

#[tokio::test]
async fn a_provider_says_which_of_its_models_rest() {
    let api = populated().await;
    let fast = api.acme(Method::GET, "models/fast", None).await.expect(200).text("/id").parse().unwrap();
    let target = api.gateway.models.target(entity::ModelId(fast)).await.unwrap().unwrap();
    assert_eq!(api.acme(Method::GET, "providers/here", None).await.expect(200).body.pointer("/status/breakers"), None);
    let rest = Some(Duration::from_secs(60));
    api.gateway.health.hear(&target, Verdict::Failing { error: "rate_limit", rest });
    let shown = api.acme(Method::GET, "providers/here", None).await.expect(200);
    let breaker = &shown.body["status"]["breakers"][0];
    assert_eq!(
        (breaker["model"].as_str(), breaker["state"].as_str()),
        (Some("fast"), Some(BreakerState::Open.as_str()))
    );
    assert_eq!((breaker["failures"].as_u64(), breaker["lastError"].as_str()), (Some(1), Some("rate_limit")));
    assert!(breaker["restingUntil"].is_string());
    let listed = api.acme(Method::GET, "providers", None).await.expect(200);
    assert_eq!(listed.body.pointer("/items/0/status/breakers/0"), Some(breaker));
    api.clock.advance(Duration::from_secs(61));
    api.gateway.health.hear(&target, Verdict::Well);
    assert_eq!(api.acme(Method::GET, "providers/here", None).await.expect(200).body.pointer("/status/breakers"), None);
}
