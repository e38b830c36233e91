//! Which models are candidates: those that the key may call, of the same type, that can be called.

use entity::row::{provider, provider_api_key};
use entity::vocab::{ModelType, RoutingDecision};
use odock_sim::Script;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use crate::support::{NewModel, Routed, chat, failed, served, skipped};

#[tokio::test]
async fn a_backup_that_the_key_may_not_call_is_not_called() {
    let routed =
        Routed::start_with(|_| {}, json!({"nativeFallback": {"openai": ["secret", "nowhere", "backup"]}})).await;
    routed.gw.fleet.model(NewModel { granted: false, ..NewModel::named("secret") }).await;
    routed.gw.sim.enqueue(Script::default().status(500).body(json!({})));
    let answer = routed.gw.chat(&chat("fast")).await;
    let not_granted = |model| skipped(model, "model_not_allowed");
    let way = routed.way(&answer).await.1;
    assert_eq!(
        way,
        [failed("fast", "5xx", Some(500)), not_granted("secret"), not_granted("nowhere"), served("backup")]
    );
    assert_eq!(routed.gw.sim.requests().len(), 1);
}

#[tokio::test]
async fn a_model_of_another_type_is_no_candidate() {
    let routed = Routed::start_with(|_| {}, json!({"nativeFallback": {"openai": ["vectors"]}, "maxRetries": 1})).await;
    routed.gw.fleet.model(NewModel { kind: ModelType::Embeddings, ..NewModel::named("vectors") }).await;
    routed.gw.sim.enqueue(Script::default().status(500).body(json!({})));
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!(answer.status, 200);
    let way = routed.way(&answer).await.1;
    assert_eq!(way, [failed("fast", "5xx", Some(500)), skipped("vectors", "invalid_request"), served("fast")]);
}

#[tokio::test]
async fn a_first_candidate_whose_provider_key_was_revoked_is_passed_over() {
    let routed = Routed::start().await;
    let gateway = &routed.gw.running.gateway;
    provider_api_key::Entity::update_many()
        .col_expr(provider_api_key::Column::Revoked, true.into())
        .filter(provider_api_key::Column::ProviderId.eq(routed.gw.fleet.provider))
        .exec(gateway.database.writer())
        .await
        .unwrap();
    gateway.invalidate(&[routed.gw.fleet.provider.0]).await;
    let answer = routed.gw.chat(&chat("fast")).await;
    let revoked = skipped("fast", "provider_api_key_revoked");
    assert_eq!(routed.way(&answer).await, (RoutingDecision::Rerouted, vec![revoked, served("backup")]));
    assert_eq!(routed.gw.sim.requests().len(), 0);
    routed.policy(json!({"nativeFallback": {}})).await;
    routed.gw.chat(&chat("fast")).await.expect_error(403, "provider_api_key_revoked");
}

#[tokio::test]
async fn a_provider_that_is_switched_off_is_passed_over() {
    let routed = Routed::start().await;
    routed.gw.fleet.change_provider(provider::ActiveModel { enabled: Set(false), ..Default::default() }).await;
    let answer = routed.gw.chat(&chat("fast")).await;
    assert_eq!(routed.way(&answer).await.1, [skipped("fast", "provider_disabled"), served("backup")]);
}

#[tokio::test]
async fn a_model_that_the_key_may_not_call_stays_forbidden() {
    let routed = Routed::start().await;
    routed.gw.fleet.model(NewModel { granted: false, ..NewModel::named("secret") }).await;
    routed.gw.chat(&chat("secret")).await.expect_error(403, "model_not_allowed");
    routed.gw.chat(&chat("nowhere")).await.expect_error(400, "model_not_found");
    assert_eq!(routed.backup.requests().len(), 0);
}

#[tokio::test]
async fn counting_tokens_goes_nowhere_else() {
    let routed = crate::support::TestGateway::start_at(entity::vocab::ProviderType::Vllm, "/vllm", |_| {}).await;
    let elsewhere = odock_sim::Sim::start().await;
    let provider = routed.fleet.another_provider("elsewhere", elsewhere.base_url() + "/vllm").await;
    let other = crate::support::NewModel { provider: Some(provider), ..crate::support::NewModel::named("other") };
    routed.fleet.model(other).await;
    routed.fleet.route(serde_json::json!({"chat": {"nativeFallback": {"vllm": ["other"]}, "retryDelayMs": 1}})).await;
    routed.sim.script(odock_sim::Script::default().status(500).body(serde_json::json!({})));
    let ask = serde_json::json!({"model": "fast", "prompt": "x"});
    assert_eq!(routed.post_json("/v1/vllm/tokenize", &ask).await.status, 500);
    assert_eq!(elsewhere.requests().len(), 0, "another model has other tokens");
    assert_eq!(routed.post_json("/v1/vllm/completions", &ask).await.status, 200);
}
