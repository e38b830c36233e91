use std::io::Read as _;

use flate2::read::GzDecoder;
use odock_sim::{Outcome, Script, Sim};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{chat, drain, events, stream, streamed_text};

fn unzipped(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn bodies_can_be_compressed() {
    let sim = Sim::start().await;
    sim.script(Script::default().gzip());
    for response in [chat(&sim).await, stream(&sim).await] {
        assert_eq!(response.headers()["content-encoding"], "gzip");
        let text = unzipped(&response.bytes().await.unwrap());
        assert!(text.contains("upstream."), "{text}");
    }
}

#[tokio::test]
async fn compressed_chunks_can_be_read_as_they_come() {
    let sim = Sim::start().await;
    sim.script(Script::default().gzip().stall_after(1));
    let mut response = stream(&sim).await;
    let mut bytes = Vec::new();
    while let Ok(read) = tokio::time::timeout(std::time::Duration::from_millis(300), response.chunk()).await {
        bytes.extend_from_slice(&read.unwrap().unwrap());
    }
    let mut text = Vec::new();
    assert!(GzDecoder::new(&bytes[..]).read_to_end(&mut text).is_err(), "the body has no end");
    assert!(String::from_utf8(text).unwrap().contains("Hello "));
}

#[tokio::test]
async fn bytes_can_trail_the_body_and_the_stream() {
    let sim = Sim::start().await;
    sim.script(Script::default().trailing("<!-- proxied -->"));
    let body = chat(&sim).await.text().await.unwrap();
    assert!(body.ends_with("}<!-- proxied -->"), "{body}");
    let (body, complete) = drain(stream(&sim).await).await;
    assert!(complete && body.ends_with("data: [DONE]\n\n<!-- proxied -->"), "{body}");
}

#[tokio::test]
async fn padding_makes_a_body_long_and_leaves_it_valid() {
    let sim = Sim::start().await;
    sim.script(Script::default().padding(3_000_001));
    let body = chat(&sim).await.text().await.unwrap();
    assert!(body.len() > 3_000_001);
    assert!(serde_json::from_str::<Value>(&body).is_ok());
    let (body, complete) = drain(stream(&sim).await).await;
    assert!(complete && body.len() > 3_000_001);
    let plain: String = body.split_inclusive('\n').filter(|line| !line.starts_with(':')).collect();
    assert_eq!(
        streamed_text(&events(plain.trim_start_matches('\n').replace("\n\n\n", "\n\n").as_str())),
        "Hello from the simulated upstream."
    );
    assert_eq!(sim.requests()[1].wait_ended().await, Outcome::Played);
}

#[tokio::test]
async fn padding_compresses_to_little() {
    let sim = Sim::start().await;
    sim.script(Script::default().padding(10 << 20).gzip());
    let bytes = chat(&sim).await.bytes().await.unwrap();
    assert!(bytes.len() < 200_000, "{}", bytes.len());
    assert!(unzipped(&bytes).len() > 10 << 20);
}

#[tokio::test]
async fn a_client_that_leaves_in_the_padding_is_seen() {
    let sim = Sim::start().await;
    sim.script(Script::default().padding(1 << 40));
    let mut response = chat(&sim).await;
    assert!(response.chunk().await.unwrap().is_some());
    drop(response);
    assert_eq!(sim.requests()[0].wait_ended().await, Outcome::Cancelled);
}

#[tokio::test]
async fn the_content_type_can_be_a_lie() {
    let sim = Sim::start().await;
    sim.script(Script::default().content_type("text/html"));
    let response = chat(&sim).await;
    assert_eq!(response.headers()["content-type"], "text/html");
    assert!(response.json::<Value>().await.is_ok());
}

#[tokio::test]
async fn headers_are_recorded_in_order_in_their_case_and_as_often_as_they_came() {
    let sim = Sim::start().await;
    let mut connection = TcpStream::connect(sim.addr()).await.unwrap();
    for number in 1..=2 {
        let head = format!(
            "GET /v1/models HTTP/1.1\r\nX-B: {number}\r\nhost: sim\r\nAuthorization: Bearer k\r\nX-b:  again \r\n\r\n"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 1024];
        while connection.read(&mut answer).await.unwrap() == answer.len() {}
    }
    let requests = sim.wait_for_requests(2).await;
    for (number, request) in ["1", "2"].iter().zip(&requests) {
        let lines: Vec<_> = request
            .header_lines
            .iter()
            .map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap()))
            .collect();
        assert_eq!(lines, [("X-B", *number), ("host", "sim"), ("Authorization", "Bearer k"), ("X-b", "again")]);
    }
}

#[tokio::test]
async fn queries_and_bodies_are_recorded_byte_for_byte() {
    let sim = Sim::start().await;
    let url = format!("{}/v1beta/models/m:generateContent?key=a%20b&alt=sse", sim.base_url());
    let body = "{\"contents\" :[ ] }";
    crate::support::client().post(url).body(body).send().await.unwrap();
    let recorded = &sim.requests()[0];
    assert_eq!(recorded.path, "/v1beta/models/m:generateContent?key=a%20b&alt=sse");
    assert_eq!(recorded.body, body);
}
