//! Who may call what.

use std::time::Duration;

use entity::Timestamp;
use entity::row::{api_key, provider};
use sea_orm::ActiveValue::Set;
use serde_json::json;

use crate::support::{NewModel, TestGateway, chat, eventually};

#[tokio::test]
async fn every_bad_key_is_refused_with_its_code() {
    let gw = TestGateway::start().await;
    let post = || gw.http.post(gw.url("/v1/chat/completions")).json(&chat("fast"));
    let stranger = "sk-odock-0000000000000000000000000000000000000000000000000";
    TestGateway::send(post()).await.expect_error(401, "unauthorized");
    TestGateway::send(post().bearer_auth("sk-proj-abc")).await.expect_error(401, "unauthorized");
    TestGateway::send(post().bearer_auth(stranger)).await.expect_error(401, "unauthorized");
    TestGateway::send(post().header("authorization", "Basic eDp5")).await.expect_error(401, "unauthorized");
    TestGateway::send(post().bearer_auth(&gw.fleet.secret).header("x-api-key", stranger))
        .await
        .expect_error(401, "unauthorized");
    TestGateway::send(post().header("authorization", vec![0xff, 0xfe].as_slice()))
        .await
        .expect_error(401, "unauthorized");
    assert_eq!(TestGateway::send(post().header("x-api-key", &gw.fleet.secret)).await.status, 200);
    gw.fleet
        .change_key(api_key::ActiveModel {
            expires_at: Set(Some(Timestamp::now().minus(Duration::from_secs(1)))),
            ..Default::default()
        })
        .await;
    gw.chat(&chat("fast")).await.expect_error(401, "api_key_expired");
    gw.fleet.change_key(api_key::ActiveModel { revoked_at: Set(Some(Timestamp::now())), ..Default::default() }).await;
    gw.chat(&chat("fast")).await.expect_error(401, "api_key_revoked");
    assert_eq!(gw.sim.requests().len(), 1, "only the valid key reached the upstream");
}

#[tokio::test]
async fn models_are_granted_by_name() {
    let gw = TestGateway::start().await;
    gw.fleet.model(NewModel { granted: false, ..NewModel::named("secret") }).await;
    gw.chat(&chat("secret")).await.expect_error(403, "model_not_allowed");
    gw.chat(&chat("nonsense")).await.expect_error(400, "model_not_found");
    gw.chat(&chat("FAST")).await.expect_error(400, "model_not_found");
    gw.chat(&chat("fast\u{0}")).await.expect_error(400, "model_not_found");
    gw.chat(&chat(&"x".repeat(100_000))).await.expect_error(400, "model_not_found");
    assert!(gw.sim.requests().is_empty());
    let records =
        eventually("all records", || async { Some(gw.records().await).filter(|records| records.len() == 5) }).await;
    assert!(
        records.iter().all(|record| record.outcome == entity::vocab::Outcome::Denied && record.cost_nanos.is_none())
    );
}

#[tokio::test]
async fn a_grant_works_as_soon_as_it_is_made() {
    let gw = TestGateway::start().await;
    gw.chat(&chat("late")).await.expect_error(400, "model_not_found");
    gw.fleet.model(NewModel::named("late")).await;
    gw.running.gateway.invalidate(&[gw.fleet.key.0]).await;
    assert_eq!(gw.chat(&chat("late")).await.status, 200);
}

#[tokio::test]
async fn a_disabled_provider_is_refused_at_once() {
    let gw = TestGateway::start().await;
    assert_eq!(gw.chat(&chat("fast")).await.status, 200);
    gw.fleet.change_provider(provider::ActiveModel { enabled: Set(false), ..Default::default() }).await;
    gw.chat(&chat("fast")).await.expect_error(403, "provider_disabled");
}

#[tokio::test]
async fn a_link_local_upstream_is_never_called() {
    let gw = TestGateway::start().await;
    for base in ["http://169.254.169.254", "http://[::ffff:a9fe:a9fe]:80"] {
        gw.fleet
            .change_provider(provider::ActiveModel { base_url: Set(Some(base.into())), ..Default::default() })
            .await;
        gw.chat(&chat("fast")).await.expect_error(400, "provider_not_configured");
    }
}

#[tokio::test]
async fn validate_says_what_a_key_is() {
    let gw = TestGateway::start().await;
    let validate = |key: String| gw.http.post(gw.url("/v1/keys/validate")).bearer_auth(key);
    let answer = TestGateway::send(validate(gw.fleet.secret.clone())).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["models"], json!(["fast"]));
    assert_eq!(answer.json()["organisation"], "acme");
    TestGateway::send(validate("sk-odock-x".into())).await.expect_error(401, "unauthorized");
    assert!(!answer.text().contains(&gw.fleet.secret));
}

#[tokio::test]
async fn models_lists_what_the_key_may_call() {
    let gw = TestGateway::start().await;
    gw.fleet.model(NewModel { granted: false, ..NewModel::named("secret") }).await;
    let get = |path: &str| gw.http.get(gw.url(path)).bearer_auth(&gw.fleet.secret);
    let list = TestGateway::send(get("/v1/models")).await.json();
    assert_eq!(list["object"], "list");
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["id"], "fast");
    assert_eq!(TestGateway::send(get("/v1/models/fast")).await.json()["object"], "model");
    TestGateway::send(get("/v1/models/secret")).await.expect_error(400, "model_not_found");
}

#[tokio::test]
async fn a_change_on_one_node_is_heard_by_the_other_within_a_second() {
    let gw = TestGateway::start().await;
    if !gw.stack.is_shared() {
        // One node has nobody to hear from.
        return;
    }
    let (a, b) = (gw.stack.config("a"), gw.stack.config("b"));
    // Nodes share their sealing key, which operators set in the environment.
    std::fs::create_dir(&b.data.dir).unwrap();
    std::fs::copy(a.data.dir.join("sealing-key.pem"), b.data.dir.join("sealing-key.pem")).unwrap();
    let other = odock_gateway::gateway::Gateway::start(b).await.unwrap();
    let other = odock_gateway::serve::Running::start(other).await.unwrap();
    let call = || {
        gw.http
            .post(format!("http://{}/v1/chat/completions", other.address))
            .bearer_auth(&gw.fleet.secret)
            .json(&chat("fast"))
    };
    assert_eq!(TestGateway::send(call()).await.status, 200);
    gw.fleet.change_key(api_key::ActiveModel { revoked_at: Set(Some(Timestamp::now())), ..Default::default() }).await;
    let changed = std::time::Instant::now();
    while TestGateway::send(call()).await.status != 401 {
        assert!(changed.elapsed() < Duration::from_secs(1), "the revocation took more than a second");
    }
    other.stop().await;
}

#[tokio::test]
async fn keys_are_looked_up_once_however_many_ask() {
    let gw = TestGateway::start().await;
    let body = chat("fast");
    let requests = (0..50).map(|_| gw.chat(&body));
    let answers = futures_util::future::join_all(requests).await;
    let bodies: Vec<_> =
        answers.iter().map(|answer| (answer.status, answer.text())).filter(|(status, _)| *status != 200).collect();
    assert!(bodies.is_empty(), "{bodies:?}");
    let ids: std::collections::HashSet<_> = answers.iter().map(super::support::Answer::request_id).collect();
    assert_eq!(ids.len(), 50);
}
