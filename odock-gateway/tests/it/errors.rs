//! Bad input: each ends in the published error, one record, and nothing leaked.

use bytes::Bytes;
use entity::vocab::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{TestGateway, chat, eventually};

#[tokio::test]
async fn bodies_that_are_no_chat_request_are_refused() {
    let gw = TestGateway::start().await;
    let bodies: Vec<Bytes> = vec![
        "".into(),
        "{".into(),
        "[]".into(),
        "{}".into(),
        r#"{"model":7}"#.into(),
        r#"{"model":"fast","model":"fast"}"#.into(),
        r#"{"model":"fast","stream":"yes"}"#.into(),
        Bytes::from_static(b"{\"model\":\"fast\",\"x\":\"\xff\"}"),
        Bytes::from_static(b"\x1f\x8b\x08gzip"),
    ];
    let count = bodies.len();
    for body in bodies {
        let answer = gw.chat_bytes(body).await;
        answer.expect_error(400, "invalid_request_body");
    }
    let records =
        eventually("a record each", || async { Some(gw.records().await).filter(|records| records.len() == count) })
            .await;
    assert!(records.iter().all(|record| record.outcome == Outcome::Denied && record.status == 400));
    assert!(gw.sim.requests().is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let gw = TestGateway::start_with(|config| config.http.max_body_bytes = 1 << 20).await;
    gw.chat_bytes(vec![b' '; 20 << 20]).await.expect_error(413, "payload_too_large");
    let chunks = futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 18])));
    gw.chat_bytes(reqwest::Body::wrap_stream(chunks)).await.expect_error(413, "payload_too_large");
    assert!(gw.sim.requests().is_empty());
}

#[tokio::test]
async fn who_goes_on_sending_what_is_too_large_still_hears_why() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let gw = TestGateway::start_with(|config| config.http.max_body_bytes = 1 << 20).await;
    const BODY: usize = 24 << 20;
    for length in ["content-length: 25165824", "transfer-encoding: chunked"] {
        let mut socket = tokio::net::TcpStream::connect(gw.running.address).await.unwrap();
        let key = &gw.fleet.secret;
        let head =
            format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{length}\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let piece = vec![b' '; 1 << 20];
        for _ in 0..BODY / piece.len() {
            if length.contains("chunked") {
                socket.write_all(b"100000\r\n").await.unwrap();
                socket.write_all(&piece).await.unwrap();
                socket.write_all(b"\r\n").await.unwrap();
            } else {
                socket.write_all(&piece).await.unwrap();
            }
        }
        let mut answer = vec![0; 4096];
        let read = socket.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]);
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("payload_too_large"), "{length}: {answer}");
    }
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let gw = TestGateway::start().await;
    let post =
        || gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).body(chat("fast").to_string());
    TestGateway::send(post().header("content-type", "text/plain")).await.expect_error(400, "invalid_request_body");
    TestGateway::send(post().header("content-encoding", "gzip")).await.expect_error(400, "invalid_request_body");
    assert_eq!(TestGateway::send(post().header("content-type", "application/json; charset=utf-8")).await.status, 200);
    assert_eq!(TestGateway::send(post()).await.status, 200);
}

#[tokio::test]
async fn absurd_heads_do_not_reach_the_pipeline() {
    let gw = TestGateway::start().await;
    for head in [
        "NONSENSE\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /v1/health HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(3 << 20)),
        format!("GET /v1/health HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(50_000)),
    ] {
        let mut socket = tokio::net::TcpStream::connect(gw.running.address).await.unwrap();
        let _ = socket.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(std::time::Duration::from_secs(5), socket.read_to_end(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{}", &answer[..answer.len().min(80)]);
    }
    assert_eq!(TestGateway::send(gw.http.get(gw.url("/v1/health"))).await.status, 200);
}

#[tokio::test]
async fn as_many_requests_as_allowed_are_served_at_once() {
    let gw = TestGateway::start_with(|config| config.http.max_concurrent_requests = Some(1)).await;
    gw.sim.enqueue(odock_sim::Script::default().stall_before_headers());
    let stalled = tokio::spawn({
        let request = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&chat("fast"));
        request.send()
    });
    gw.sim.wait_for_requests(1).await;
    let refused = gw.chat(&chat("fast")).await;
    refused.expect_error(503, "overloaded");
    assert_eq!(refused.headers["retry-after"], "1");
    stalled.abort();
    eventually("the place to be free again", || async { (gw.chat(&chat("fast")).await.status == 200).then_some(()) })
        .await;
}
