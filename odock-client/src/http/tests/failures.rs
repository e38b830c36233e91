use std::time::{Duration, Instant};

use serde_json::json;

use super::{Gateway, quick, reply, version, with};
use crate::http::ClientError;

fn busy(status: u16) -> axum::response::Response {
    reply(status, "text/html", "<h1>not\r\nnow\x1b[31m</h1>")
}

#[tokio::test]
async fn what_only_reads_is_tried_again() {
    let gateway = Gateway::start([busy(503), busy(502), busy(429), version()]).await;
    assert_eq!(gateway.client().version().await.unwrap().version, "1");
    assert_eq!(gateway.lines().len(), 4);
}

#[tokio::test]
async fn trying_again_ends() {
    let gateway = Gateway::start((0..10).map(|_| busy(503))).await;
    let error = gateway.builder().retries(2).build().unwrap().version().await.unwrap_err();
    assert_eq!((error.status(), error.retryable(), gateway.lines().len()), (Some(503), true, 3));
    assert_eq!(error.request_id(), Some("req-1"));
    assert!(error.to_string().ends_with("<h1>not now [31m</h1>"), "{error}");
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept_unless_it_is_too_long() {
    let gateway = Gateway::start([with(busy(429), "retry-after", "0"), version()]).await;
    gateway.client().version().await.unwrap();
    let gateway = Gateway::start([with(busy(429), "retry-after", "3600"), version()]).await;
    let error = gateway.client().version().await.unwrap_err();
    assert_eq!((error.retry_after(), gateway.lines().len()), (Some(Duration::from_secs(3_600)), 1));
    let gateway = Gateway::start([with(busy(429), "retry-after", "30"), version()]).await;
    let begun = Instant::now();
    gateway.client().version().await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(20), "30 s would be past the deadline, so it is not waited at all");
}

#[tokio::test]
async fn a_gateway_that_says_nothing_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let error = quick(url).timeout(Duration::from_millis(50)).build().unwrap().version().await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    assert_eq!(error.code(), "timeout");
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: url::Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = quick(url).retries(1).build().unwrap().organisation("acme").apikeys().revoke("ci").await.unwrap_err();
    let ClientError::Unreachable { reason, sent, .. } = &error else { panic!("{error}") };
    assert!(!sent && reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn a_connection_that_breaks_mid_answer_is_unreachable() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::task::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 1024]).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await;
        }
    });
    let error = quick(url).build().unwrap().version().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { sent: true, .. }), "{error}");
}

#[tokio::test]
async fn a_problem_is_told_in_the_gateways_words() {
    let body = json!({
        "status": 422, "code": "invalid", "title": "2 fields are wrong", "hint": "look again", "requestId": "req-2",
        "errors": [{ "pointer": "/spec/team", "code": "bad_reference", "message": "there is no team `x`" }]
    });
    let gateway = Gateway::start([reply(422, "application/problem+json", body.to_string())]).await;
    let error = gateway.client().whoami().await.unwrap_err();
    assert_eq!((error.to_string().as_str(), error.code()), ("2 fields are wrong", "invalid"));
    assert_eq!((error.hint(), error.request_id(), error.retryable()), (Some("look again"), Some("req-2"), false));
}

#[tokio::test]
async fn the_data_planes_errors_are_understood_too() {
    let body = json!({ "error": { "code": "budget_exceeded", "message": "the budget is spent" } });
    let gateway = Gateway::start([reply(402, "application/json", body.to_string())]).await;
    let error = gateway.client().whoami().await.unwrap_err();
    assert_eq!((error.code(), error.status(), error.request_id()), ("budget_exceeded", Some(402), Some("req-1")));
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_token() {
    let other = Gateway::start([version()]).await;
    let gateway = Gateway::start([with(reply(307, "text/html", ""), "location", other.url.as_str())]).await;
    let error = gateway.client().version().await.unwrap_err();
    assert!(error.to_string().contains("it redirects to"), "{error}");
    assert!(other.lines().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_not_understood_is_not_repeated() {
    let gateway = Gateway::start([super::json(&json!({ "version": ["canary"] }))]).await;
    let error = gateway.client().version().await.unwrap_err();
    assert!(matches!(error, ClientError::Decode { .. }));
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[tokio::test]
async fn a_read_only_client_sends_no_change() {
    let gateway = Gateway::start([]).await;
    let client = gateway.builder().read_only(true).build().unwrap();
    let api = client.organisation("acme");
    let error = api.delete(entity::Kind::Team, "search", false).await.unwrap_err();
    assert_eq!(error.to_string(), "read-only: DELETE /api/organisations/acme/teams/search was not sent");
    assert_eq!(api.apikeys().reveal("ci").await.unwrap_err().code(), "read_only");
    let request = entity::manifest::ApplyRequest::default();
    assert_eq!(api.apply(&request, false).await.unwrap_err().code(), "read_only");
    assert!(gateway.lines().is_empty());
    assert_eq!(api.apply(&request, true).await.unwrap_err().status(), Some(404), "a dry run changes nothing");
    assert_eq!(client.sign_out().await.unwrap_err().status(), Some(404), "signing out is the caller's own affair");
}

#[test]
fn addresses_that_would_surprise_are_refused() {
    for address in ["ftp://a/", "http://ada:secret@a/", "http://a/?x=1", "http://a/#x", "file:///etc"] {
        let error = crate::Client::builder(address.parse().unwrap()).build().unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_certificate_file_without_certificates_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let build = || crate::Client::builder("https://a/".parse().unwrap()).ca_file(&path).build();
    assert!(build().unwrap_err().to_string().contains("No such file"));
    std::fs::write(&path, "nothing").unwrap();
    assert!(build().unwrap_err().to_string().contains("no PEM block"));
}
