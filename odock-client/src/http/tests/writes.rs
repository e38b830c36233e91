//! Writes: each carries a key of its own, the same in all its tries.

use entity::manifest::ApplyRequest;
use entity::resource::RotateApiKey;
use secrecy::SecretString;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Gateway, Seen, json as answer, quick, reply, with};

fn busy(status: u16) -> axum::response::Response {
    reply(status, "text/html", "<h1>not now</h1>")
}

fn refused(status: u16, code: &str) -> axum::response::Response {
    let body = json!({ "status": status, "code": code, "title": "no", "requestId": "req-3" });
    reply(status, "application/problem+json", body.to_string())
}

fn done() -> axum::response::Response {
    reply(204, "", "")
}

fn keys(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|seen| seen.idempotency_key.as_str()).collect()
}

#[tokio::test]
async fn a_write_has_one_key_in_all_its_tries_and_another_write_another() {
    let gateway = Gateway::start([busy(503), busy(502), busy(429), done(), done()]).await;
    let apikeys = gateway.client().organisation("acme").apikeys();
    apikeys.ungrant("ci", "fast").await.unwrap();
    apikeys.ungrant("ci", "fast").await.unwrap();
    let seen = gateway.seen();
    let keys = keys(&seen);
    assert_eq!((keys.len(), keys[0].len()), (5, 32));
    assert!(keys[..4].iter().all(|key| *key == keys[0]) && keys[4] != keys[0], "{keys:?}");
}

#[tokio::test]
async fn every_method_that_changes_something_carries_a_key_and_nothing_else_does() {
    let gateway = Gateway::start([]).await;
    let client = gateway.builder().retries(0).build().unwrap();
    let acme = client.organisation("acme");
    // What comes of them does not matter here.
    let _ = acme.apikeys().grant("ci", "fast").await;
    let _ = acme.apikeys().rotate("ci", &RotateApiKey::default()).await;
    let _ = acme.delete(entity::Kind::Team, "search", false).await;
    let _ = acme.patch::<entity::resource::Team>("search", &json!({}), None).await;
    let _ = acme.apply(&ApplyRequest::default(), false).await;
    let seen = gateway.seen();
    assert_eq!(seen.len(), 5);
    assert!(keys(&seen).iter().all(|key| key.len() == 32), "{seen:?}");

    let gateway = Gateway::start([]).await;
    let client = gateway.builder().retries(0).build().unwrap();
    let _ = client.whoami().await;
    let _ = client.organisation("acme").apply(&ApplyRequest::default(), true).await;
    let _ = client.sign_in(&SecretString::from("odock-once-canary"), None).await;
    let _ = client.refresh(&SecretString::from("odock-ref-canary")).await;
    let seen = gateway.seen();
    assert_eq!(seen.len(), 4);
    assert!(keys(&seen).iter().all(|key| key.is_empty()), "{seen:?}");
}

#[tokio::test]
async fn signing_in_is_not_repeated_if_it_may_have_arrived() {
    for status in [502, 503] {
        let gateway = Gateway::start([busy(status)]).await;
        gateway.client().refresh(&SecretString::from("odock-ref-canary")).await.unwrap_err();
        assert_eq!(gateway.lines(), ["POST /api/auth/refresh"]);
    }
    let gateway = Gateway::start([busy(429)]).await;
    gateway.client().refresh(&SecretString::from("odock-ref-canary")).await.unwrap_err();
    assert_eq!(gateway.lines().len(), 2, "what came too often was not looked at");
}

#[tokio::test]
async fn a_write_that_is_under_way_is_waited_for() {
    let under_way = || with(refused(409, "idempotency_in_progress"), "retry-after", "0");
    let gateway = Gateway::start([busy(502), under_way(), under_way(), done()]).await;
    gateway.client().organisation("acme").apikeys().grant("ci", "fast").await.unwrap();
    let seen = gateway.seen();
    assert!(seen.len() == 4 && keys(&seen).iter().all(|key| *key == seen[0].idempotency_key));
    let gateway = Gateway::start([refused(409, "conflict")]).await;
    gateway.client().organisation("acme").apikeys().grant("ci", "fast").await.unwrap_err();
    assert_eq!(gateway.lines().len(), 1, "another conflict does not pass");
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_anew_only_where_twice_is_as_good_as_once() {
    for code in ["idempotency_not_kept", "idempotency_outcome_unknown"] {
        let plan = json!({ "dryRun": false, "changes": [],
            "summary": { "create": 0, "update": 0, "rename": 0, "unchanged": 0, "delete": 0 } });
        let gateway = Gateway::start([busy(502), refused(409, code), answer(&plan)]).await;
        gateway.client().organisation("acme").apply(&ApplyRequest::default(), false).await.unwrap();
        let seen = gateway.seen();
        assert!(
            seen[0].idempotency_key == seen[1].idempotency_key && seen[1].idempotency_key != seen[2].idempotency_key
        );

        let gateway = Gateway::start([busy(502), refused(409, code)]).await;
        let rotate = RotateApiKey::default();
        let error = gateway.client().organisation("acme").apikeys().rotate("ci", &rotate).await.unwrap_err();
        assert_eq!((error.code(), gateway.lines().len()), (code, 2));
    }
}

#[tokio::test]
async fn keys_that_cannot_be_looked_up_are_left_away_while_none_is_needed() {
    let away = || refused(503, "idempotency_unavailable");
    let gateway = Gateway::start([away(), done()]).await;
    gateway.client().organisation("acme").apikeys().ungrant("ci", "fast").await.unwrap();
    assert_eq!(gateway.seen()[1].idempotency_key, "");
    // Without one, what may have been done is not done again.
    let gateway = Gateway::start([away(), busy(502)]).await;
    gateway.client().organisation("acme").apikeys().ungrant("ci", "fast").await.unwrap_err();
    assert_eq!(gateway.lines().len(), 2);
    // It may have been done already: only a key can tell.
    let gateway = Gateway::start([busy(502), away(), away(), done()]).await;
    gateway.client().organisation("acme").apikeys().ungrant("ci", "fast").await.unwrap();
    let seen = gateway.seen();
    assert!(seen.len() == 4 && keys(&seen).iter().all(|key| *key == seen[0].idempotency_key), "{seen:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let seen = tokio::task::spawn(async move {
        let mut seen = Vec::new();
        // Nothing at all, the middle of a head, the middle of a body, and then all of it.
        for said in [
            "",
            "HTTP/1.1 200 OK\r\ncontent-le",
            "HTTP/1.1 204 No Content\r\nx: 1\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ] {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = socket.read(&mut request).await.unwrap();
            seen.push(String::from_utf8_lossy(&request[..length]).into_owned());
            socket.write_all(said.as_bytes()).await.unwrap();
        }
        seen
    });
    quick(url).build().unwrap().organisation("acme").apikeys().ungrant("ci", "fast").await.unwrap();
    let key = |request: &String| request.lines().find(|line| line.starts_with("idempotency-key: ")).map(str::to_owned);
    let keys: Vec<_> = seen.await.unwrap().iter().map(key).collect();
    assert!(keys.len() == 5 && keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}
