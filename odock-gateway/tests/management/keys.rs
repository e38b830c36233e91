//! Virtual keys: their secrets, rotations and grants, as the data plane sees them.

use std::time::Duration;

use http::Method;
use odock_gateway::auth::{AuthError, Refusal};
use odock_gateway::credential;
use serde_json::{Value, json};

use crate::support::{Answer, Api};

/// What the data plane says about a secret.
async fn verdict(api: &Api, secret: &str) -> &'static str {
    match api.gateway.auth.principal(&credential::hash_bytes(secret)).await {
        Ok(_) => "good",
        Err(AuthError::Unknown) => "unknown",
        Err(AuthError::Expired) => "expired",
        Err(AuthError::Refused(Refusal::Revoked)) => "revoked",
        Err(other) => panic!("{other}"),
    }
}

async fn key(api: &Api, body: Value) -> Answer {
    api.acme(Method::POST, "apikeys", Some(body)).await
}

#[tokio::test]
async fn a_secret_is_shown_in_the_answer_and_never_again() {
    let api = Api::with_organisations().await;
    let made = key(&api, json!({"name": "ci", "spec": {"type": "ORGANISATION"}})).await.expect(201);
    let secret = made.text("/secret");
    assert_eq!(verdict(&api, &secret).await, "good");
    assert_eq!(made.body["key"]["status"]["revealed"], true);
    api.acme(Method::POST, "apikeys/ci/reveal", None).await.problem(409, "conflict");
    for path in ["apikeys", "apikeys/ci", "audit"] {
        let shown = api.acme(Method::GET, path, None).await.expect(200).body.to_string();
        assert!(!shown.contains(&secret) && !shown.contains(&credential::hash(&secret).0), "{path} shows the secret");
    }
}

#[tokio::test]
async fn a_sealed_secret_is_revealed_once() {
    let api = Api::with_organisations().await;
    let made = key(&api, json!({"name": "ci", "spec": {"type": "ORGANISATION"}, "reveal": false})).await.expect(201);
    assert_eq!((made.body.get("secret"), &made.body["key"]["status"]["revealed"]), (None, &json!(false)));
    let both = futures_util::future::join_all((0..2).map(|_| api.acme(Method::POST, "apikeys/ci/reveal", None))).await;
    let mut statuses: Vec<u16> = both.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "of two reveals at once, one wins");
    let winner = both.into_iter().find(|answer| answer.status == 200).unwrap();
    assert_eq!(verdict(&api, &winner.text("/secret")).await, "good");
    assert_eq!(winner.text("/key/status/preview"), credential::preview(&winner.text("/secret")));
}

#[tokio::test]
async fn a_key_that_was_tried_before_it_existed_works_at_once() {
    let api = Api::with_organisations().await;
    let made = key(&api, json!({"name": "ci", "spec": {"type": "ORGANISATION"}})).await.expect(201);
    let rotated = api.acme(Method::POST, "apikeys/ci/rotate", Some(json!({}))).await.expect(200);
    assert_eq!(verdict(&api, &made.text("/secret")).await, "unknown");
    assert_eq!(verdict(&api, &rotated.text("/secret")).await, "good");
}

#[tokio::test]
async fn rotation_replaces_the_secret_and_may_overlap() {
    let api = Api::with_organisations().await;
    let first = key(&api, json!({"name": "ci", "spec": {"type": "ORGANISATION"}})).await.expect(201).text("/secret");
    assert_eq!(verdict(&api, &first).await, "good");
    let how = json!({"overlapSeconds": 3600, "expiry": "2031-01-01T00:00:00Z"});
    let second = api.acme(Method::POST, "apikeys/ci/rotate", Some(how)).await.expect(200);
    assert_eq!(second.body["key"]["status"]["rotations"], 1);
    assert_eq!(second.body["key"]["spec"]["expiry"], "2031-01-01T00:00:00Z");
    let second = second.text("/secret");
    assert_eq!((verdict(&api, &first).await, verdict(&api, &second).await), ("good", "good"));
    api.clock.advance(Duration::from_secs(3601));
    assert_ne!(verdict(&api, &first).await, "good", "the overlap is over");
    assert_eq!(verdict(&api, &second).await, "good");
    let third = api.acme(Method::POST, "apikeys/ci/rotate", None).await.expect(200).text("/secret");
    assert_eq!((verdict(&api, &second).await, verdict(&api, &third).await), ("unknown", "good"));

    let history = api.acme(Method::GET, "apikeys/ci/history", None).await.expect(200);
    let previews: Vec<_> =
        history.body["items"].as_array().unwrap().iter().map(|item| item["previousPreview"].clone()).collect();
    assert_eq!(previews, [json!(credential::preview(&second)), json!(credential::preview(&first))]);
    assert_eq!(history.body["items"][0]["by"], "admin@localhost");
    let page = api.acme(Method::GET, "apikeys/ci/history?limit=1", None).await.expect(200);
    let rest = api
        .acme(Method::GET, &format!("apikeys/ci/history?cursor={}", page.text("/nextCursor")), None)
        .await
        .expect(200);
    assert_eq!(rest.body["items"], json!([history.body["items"][1]]));
}

#[tokio::test]
async fn bad_rotations_are_refused() {
    let api = Api::with_organisations().await;
    key(&api, json!({"name": "ci", "spec": {"type": "ORGANISATION"}})).await.expect(201);
    for (how, error) in [
        (json!({"overlapSeconds": 2_592_001}), "/overlapSeconds invalid"),
        (json!({"overlapSeconds": -1}), "/overlapSeconds invalid"),
        (json!({"overlapSeconds": 1.5}), "/overlapSeconds invalid"),
        (json!({"overlapSeconds": null}), "/overlapSeconds invalid"),
        (json!({"overlap": 1}), "/overlap unknown_field"),
        (json!({"expiry": "2001-01-01T00:00:00Z"}), "/expiry invalid"),
        (json!({"expiry": "tomorrow"}), "/expiry invalid"),
    ] {
        let refused = api.acme(Method::POST, "apikeys/ci/rotate", Some(how)).await.problem(422, "invalid");
        assert_eq!(refused.errors(), [error]);
    }
    api.acme(Method::POST, "apikeys/ci/revoke", None).await.expect(200);
    api.acme(Method::POST, "apikeys/ci/rotate", None).await.problem(409, "conflict");
    api.acme(Method::POST, "apikeys/none/rotate", None).await.problem(404, "not_found");
}

#[tokio::test]
async fn revoking_is_heard_at_once_and_can_be_taken_back() {
    let api = Api::with_organisations().await;
    let secret = key(&api, json!({"name": "ci", "spec": {"type": "ORGANISATION"}})).await.expect(201).text("/secret");
    assert_eq!(verdict(&api, &secret).await, "good");
    let revoked = api.acme(Method::POST, "apikeys/ci/revoke", None).await.expect(200);
    assert!(revoked.body["status"]["revokedAt"].is_string());
    assert_eq!(verdict(&api, &secret).await, "revoked");
    let again = api.acme(Method::POST, "apikeys/ci/revoke", None).await.expect(200);
    assert_eq!(again.body, revoked.body, "revoking twice is revoking once");
    api.acme(Method::POST, "apikeys/ci/unrevoke", None).await.expect(200);
    assert_eq!(verdict(&api, &secret).await, "good");
    api.acme(Method::PATCH, "apikeys/ci", Some(json!({"expiry": "2001-01-01T00:00:00Z"}))).await.expect(200);
    assert_eq!(verdict(&api, &secret).await, "expired");
    api.acme(Method::DELETE, "apikeys/ci", None).await.expect(204);
    assert_eq!(verdict(&api, &secret).await, "unknown");
}

#[tokio::test]
async fn grants_are_idempotent_and_heard_at_once() {
    let api = Api::with_organisations().await;
    api.create("providers", "openai", json!({"type": "OPENAI"})).await.expect(201);
    api.create("models", "fast", json!({"provider": "openai"})).await.expect(201);
    let secret = key(&api, json!({"name": "ci", "spec": {"type": "ORGANISATION"}})).await.expect(201).text("/secret");
    let granted = async || {
        let principal = api.gateway.auth.principal(&credential::hash_bytes(&secret)).await.unwrap();
        principal.models.keys().cloned().collect::<Vec<_>>()
    };
    assert!(granted().await.is_empty());
    for _ in 0..2 {
        api.acme(Method::PUT, "apikeys/ci/models/fast", None).await.expect(204);
        assert_eq!(granted().await, ["fast"]);
    }
    assert_eq!(api.acme(Method::GET, "apikeys/ci", None).await.body["revision"], 2, "the second grant wrote nothing");
    assert_eq!(api.acme(Method::GET, "models/fast", None).await.body["status"]["keys"], 1);
    for _ in 0..2 {
        api.acme(Method::DELETE, "apikeys/ci/models/fast", None).await.expect(204);
        assert!(granted().await.is_empty());
    }
    api.acme(Method::PUT, "apikeys/ci/models/slow", None).await.problem(404, "not_found");
    api.acme(Method::PUT, "apikeys/none/models/fast", None).await.problem(404, "not_found");
}
