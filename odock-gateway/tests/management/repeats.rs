//! Writes with an `Idempotency-Key`: carried out once, however often they are sent.

use axum::body::Body;
use http::{Method, Request, header};
use serde_json::{Value, json};

use crate::support::{Answer, Api};

async fn write(api: &Api, method: Method, path: &str, token: &str, key: &str, body: Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/organisations/acme/{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key);
    api.call(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn post(api: &Api, path: &str, key: &str, body: Value) -> Answer {
    write(api, Method::POST, path, &api.root, key, body).await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

#[tokio::test]
async fn a_write_that_is_sent_again_gets_its_answer_again() {
    let api = Api::with_organisations().await;
    let key = json!({"name": "ci", "spec": {"type": "ORGANISATION"}});
    let first = post(&api, "apikeys", "one", key.clone()).await.expect(201);
    let again = post(&api, "apikeys", "one", key.clone()).await.expect(201);
    assert_eq!((is_replayed(&first), is_replayed(&again)), (false, true));
    // The secret too, which would be lost otherwise.
    assert_eq!((&first.body, first.text("/secret")), (&again.body, again.text("/secret")));
    assert_eq!(first.headers[header::ETAG], again.headers[header::ETAG]);
    assert_ne!(first.headers["x-request-id"], again.headers["x-request-id"]);
    // Without a key, or under another, it is another request.
    post(&api, "apikeys", "two", key).await.problem(409, "conflict");
    let rotated = post(&api, "apikeys/ci/rotate", "three", json!({})).await.expect(200);
    let again = post(&api, "apikeys/ci/rotate", "three", json!({})).await.expect(200);
    assert_eq!(rotated.text("/secret"), again.text("/secret"));
    assert_eq!(api.acme(Method::GET, "apikeys/ci", None).await.expect(200).body["status"]["rotations"], 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_caller() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    post(&api, "teams", "key", json!({"name": "a", "spec": {}})).await.expect(201);
    post(&api, "teams", "key", json!({"name": "b", "spec": {}})).await.problem(422, "idempotency_key_reused");
    let elsewhere = write(&api, Method::PATCH, "teams/a", &api.root, "key", json!({"name": "a", "spec": {}})).await;
    elsewhere.problem(422, "idempotency_key_reused");
    let hers = write(&api, Method::POST, "teams", &ada, "key", json!({"name": "b", "spec": {}})).await.expect(201);
    assert!(!is_replayed(&hers));
    for wrong in ["", "a b", &"x".repeat(256)] {
        post(&api, "teams", wrong, json!({"name": "c", "spec": {}})).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let api = Api::with_organisations().await;
    let body = json!({"name": "ci", "spec": {"type": "TEAM", "team": "search"}});
    post(&api, "apikeys", "key", body.clone()).await.problem(422, "invalid");
    api.create("teams", "search", json!({})).await.expect(201);
    let made = post(&api, "apikeys", "key", body).await.expect(201);
    assert!(!is_replayed(&made));
    // Nor does a caller who may not do it any more get what it got before.
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let team = json!({"name": "hers", "spec": {}});
    write(&api, Method::POST, "teams", &ada, "key", team.clone()).await.expect(201);
    let demoted = json!({"role": "USER"});
    api.patch("/api/organisations/acme/users/ada@acme.example", Some(&api.root), demoted).await.expect(200);
    write(&api, Method::POST, "teams", &ada, "key", team).await.problem(403, "forbidden");
}

#[tokio::test]
async fn of_many_at_once_one_is_carried_out() {
    let api = Api::with_organisations().await;
    api.create("apikeys", "ci", json!({"type": "ORGANISATION"})).await.expect(201);
    let all = (0..12).map(|_| post(&api, "apikeys/ci/rotate", "key", json!({})));
    let mut secrets = std::collections::BTreeSet::new();
    for answer in futures_util::future::join_all(all).await {
        match answer.status.as_u16() {
            200 => drop(secrets.insert(answer.text("/secret"))),
            _ => drop(answer.problem(409, "idempotency_in_progress")),
        }
    }
    assert_eq!(secrets.len(), 1);
    assert_eq!(api.acme(Method::GET, "apikeys/ci", None).await.expect(200).body["status"]["rotations"], 1);
}
