//! Virtual keys that wait until their secret reached its place.

use std::time::Duration;

use http::Method;
use odock_gateway::auth::AuthError;
use odock_gateway::credential;
use serde_json::{Value, json};

use crate::support::{Answer, Api, manifest};

async fn works(api: &Api, secret: &str) -> bool {
    match api.gateway.auth.principal(&credential::hash_bytes(secret)).await {
        Ok(_) => true,
        Err(AuthError::Unknown | AuthError::Expired) => false,
        Err(other) => panic!("{other}"),
    }
}

async fn ack(api: &Api, secret: &str) -> Answer {
    let body = json!({"hash": credential::hash(secret).0});
    api.acme(Method::POST, "apikeys/ci/ack", Some(body)).await
}

async fn pending(api: &Api) -> String {
    let body = json!({"name": "ci", "spec": {"type": "ORGANISATION"}, "pending": true});
    let made = api.acme(Method::POST, "apikeys", Some(body)).await.expect(201);
    assert!(made.body["key"]["status"]["pendingUntil"].is_string(), "{:#}", made.body);
    made.text("/secret")
}

#[tokio::test]
async fn a_key_works_once_its_secret_is_acknowledged() {
    let api = Api::with_organisations().await;
    let secret = pending(&api).await;
    assert!(!works(&api, &secret).await);
    ack(&api, "sk-odock-another").await.problem(409, "conflict");
    let done = ack(&api, &secret).await.expect(200);
    assert_eq!(done.body["status"].get("pendingUntil"), None);
    assert!(works(&api, &secret).await, "at once, although it was tried before");
    let again = ack(&api, &secret).await.expect(200);
    assert_eq!(again.body["revision"], done.body["revision"], "saying it twice is saying it once");
    api.acme(Method::POST, "apikeys/ci/ack", Some(json!({"hash": "x"}))).await.problem(422, "invalid");
    api.acme(Method::POST, "apikeys/ci/ack", Some(json!({}))).await.problem(422, "invalid");
}

#[tokio::test]
async fn a_secret_that_never_arrived_lapses_and_another_takes_its_place() {
    let api = Api::with_organisations().await;
    let lost = pending(&api).await;
    api.clock.advance(Duration::from_secs(601));
    assert!(ack(&api, &lost).await.problem(409, "conflict").text("/title").contains("the time to acknowledge"));
    assert!(!works(&api, &lost).await);
    // Revealing draws another, as often as it takes; only the last one counts.
    let second = api.acme(Method::POST, "apikeys/ci/reveal", None).await.expect(200).text("/secret");
    let third = api.acme(Method::POST, "apikeys/ci/reveal", None).await.expect(200).text("/secret");
    ack(&api, &second).await.problem(409, "conflict");
    ack(&api, &third).await.expect(200);
    assert_eq!((works(&api, &lost).await, works(&api, &second).await, works(&api, &third).await), (false, false, true));
    api.acme(Method::POST, "apikeys/ci/reveal", None).await.problem(409, "conflict");
}

#[tokio::test]
async fn a_key_that_nobody_has_can_be_made_again() {
    let api = Api::with_organisations().await;
    let lost = pending(&api).await;
    let secret = pending(&api).await;
    ack(&api, &lost).await.problem(409, "conflict");
    ack(&api, &secret).await.expect(200);
    let body = json!({"name": "ci", "spec": {"type": "ORGANISATION"}, "pending": true});
    api.acme(Method::POST, "apikeys", Some(body)).await.problem(409, "conflict");
    let contradictory = json!({"name": "x", "spec": {"type": "ORGANISATION"}, "pending": true, "reveal": false});
    api.acme(Method::POST, "apikeys", Some(contradictory)).await.problem(422, "invalid");
}

#[tokio::test]
async fn a_rotation_waits_too_and_the_old_secret_works_meanwhile() {
    let api = Api::with_organisations().await;
    let old = pending(&api).await;
    ack(&api, &old).await.expect(200);
    let how = json!({"pending": true, "overlapSeconds": 3600});
    let rotated = api.acme(Method::POST, "apikeys/ci/rotate", Some(how)).await.expect(200);
    let new = rotated.text("/secret");
    assert!(rotated.body["key"]["status"]["rotationPendingUntil"].is_string());
    assert_eq!((works(&api, &old).await, works(&api, &new).await), (true, false));
    ack(&api, &new).await.expect(200);
    assert_eq!((works(&api, &old).await, works(&api, &new).await), (true, true));
    let history = api.acme(Method::GET, "apikeys/ci/history", None).await.expect(200);
    assert_eq!(history.body["items"].as_array().unwrap().len(), 1);
    let finished = api.acme(Method::POST, "apikeys/ci/finish-rotation", None).await.expect(200);
    assert_eq!(finished.body["status"].get("previousValidUntil"), None);
    assert_eq!((works(&api, &old).await, works(&api, &new).await), (false, true));
    let again = api.acme(Method::POST, "apikeys/ci/finish-rotation", None).await.expect(200);
    assert_eq!(again.body["revision"], finished.body["revision"]);

    // One that is given up leaves everything as it was.
    let lost =
        api.acme(Method::POST, "apikeys/ci/rotate", Some(json!({"pending": true}))).await.expect(200).text("/secret");
    api.acme(Method::POST, "apikeys/ci/finish-rotation", None).await.expect(200);
    ack(&api, &lost).await.problem(409, "conflict");
    assert_eq!((works(&api, &new).await, works(&api, &lost).await), (true, false));
}

async fn apply(api: &Api, secrets: Value) -> Answer {
    let key = manifest("ApiKey", "ci", json!({"type": "ORGANISATION"}));
    let body = json!({"resources": [key], "owner": "pipeline", "secrets": secrets});
    api.acme(Method::POST, "apply", Some(body)).await
}

#[tokio::test]
async fn an_apply_registers_what_the_client_drew() {
    let api = Api::with_organisations().await;
    let drawn = |secret: &str, replace: bool| {
        json!([{"key": "ci", "replace": replace,
                "registered": {"hash": credential::hash(secret).0, "preview": credential::preview(secret)}}])
    };
    apply(&api, drawn("sk-odock-one", false)).await.expect(200);
    assert!(works(&api, "sk-odock-one").await);
    let again = apply(&api, drawn("sk-odock-one", false)).await.expect(200);
    assert_eq!(again.body["summary"]["unchanged"], 1);
    // Another is taken only where it is meant to take the place of the first.
    apply(&api, drawn("sk-odock-two", false)).await.expect(200);
    assert!(!works(&api, "sk-odock-two").await);
    let replaced = apply(&api, drawn("sk-odock-two", true)).await.expect(200);
    assert_eq!(replaced.body["changes"][0]["fields"][0]["path"], "/@secret");
    assert_eq!((works(&api, "sk-odock-one").await, works(&api, "sk-odock-two").await), (false, true));
    let same = apply(&api, drawn("sk-odock-two", true)).await.expect(200);
    assert_eq!(same.body["summary"]["unchanged"], 1);
    let wrong = json!([{"key": "ci", "registered": {"hash": "x", "preview": "y"}}]);
    assert_eq!(apply(&api, wrong).await.problem(422, "invalid").errors(), ["/secrets invalid"]);
}

#[tokio::test]
async fn an_apply_makes_keys_that_wait() {
    let api = Api::with_organisations().await;
    let made = apply(&api, json!([{"key": "ci"}])).await.expect(200);
    assert_eq!(made.body["summary"]["create"], 1);
    let secret = api.acme(Method::POST, "apikeys/ci/reveal", None).await.expect(200).text("/secret");
    assert!(!works(&api, &secret).await);
    ack(&api, &secret).await.expect(200);
    assert!(works(&api, &secret).await);
    let again = apply(&api, json!([{"key": "ci"}])).await.expect(200);
    assert_eq!(again.body["summary"]["unchanged"], 1);
    assert!(works(&api, &secret).await);
}
