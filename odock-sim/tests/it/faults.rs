use std::{error::Error, io, time::Duration};

use odock_sim::{Outcome, Script, Sim};
use serde_json::{Value, json};

use crate::support::{chat, drain, events, request, stream, streamed_text};

/// The I/O error at the root of a client's error.
fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}

/// Reads a stream that goes silent: what came before the silence.
async fn read_until_silent(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(read) = tokio::time::timeout(Duration::from_millis(300), response.chunk()).await {
        bytes.extend_from_slice(&read.unwrap().expect("a stalled body does not end"));
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_stall_before_the_headers_lasts() {
    let sim = Sim::start().await;
    sim.script(Script::default().stall_before_headers());
    let call = request(&sim, json!({})).timeout(Duration::from_millis(200)).send().await;
    assert!(call.unwrap_err().is_timeout());
    assert_eq!(sim.requests()[0].wait_ended().await, Outcome::Cancelled);
}

#[tokio::test]
async fn a_stall_mid_stream_comes_after_so_many_chunks() {
    let sim = Sim::start().await;
    sim.script(Script::default().stall_after(2));
    let body = read_until_silent(stream(&sim).await).await;
    assert_eq!(streamed_text(&events(&body)), "Hello from ");
    assert_eq!(sim.requests()[0].wait_ended().await, Outcome::Cancelled);
}

#[tokio::test]
async fn a_stall_after_nothing_has_headers_and_no_body() {
    let sim = Sim::start().await;
    sim.script(Script::default().stall_after(0));
    assert_eq!(read_until_silent(stream(&sim).await).await, "");
}

#[tokio::test]
async fn a_stall_of_a_unary_answer_comes_mid_body() {
    let sim = Sim::start().await;
    sim.script(Script::default().stall_after(0));
    let body = read_until_silent(chat(&sim).await).await;
    assert!(body.starts_with("{\"id\"") && !body.ends_with('}'), "{body}");
}

#[tokio::test]
async fn a_cut_resets_the_connection_after_so_many_chunks() {
    let sim = Sim::start().await;
    sim.script(Script::default().cut_after(3));
    let mut response = stream(&sim).await;
    let mut bytes = Vec::new();
    let error = loop {
        match response.chunk().await {
            Ok(read) => bytes.extend_from_slice(&read.expect("a cut body does not end")),
            Err(error) => break error,
        }
    };
    assert_eq!(streamed_text(&events(std::str::from_utf8(&bytes).unwrap())), "Hello from the ");
    assert_eq!(io_kind(&error), Some(io::ErrorKind::ConnectionReset));
    assert_eq!(sim.requests()[0].outcome(), Outcome::Played);
}

#[tokio::test]
async fn a_cut_of_a_unary_answer_comes_mid_body() {
    let sim = Sim::start().await;
    sim.script(Script::default().cut_after(0));
    let error = chat(&sim).await.bytes().await.unwrap_err();
    assert_eq!(io_kind(&error), Some(io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_close_leaves_the_body_unfinished_without_a_reset() {
    let sim = Sim::start().await;
    sim.script(Script::default().close_after(1));
    let (body, complete) = drain(stream(&sim).await).await;
    assert!(!complete);
    assert_eq!(streamed_text(&events(&body)), "Hello ");
}

#[tokio::test]
async fn an_early_end_looks_complete() {
    let sim = Sim::start().await;
    sim.script(Script::default().end_after(1));
    let (body, complete) = drain(stream(&sim).await).await;
    assert!(complete);
    assert_eq!((streamed_text(&events(&body)).as_str(), events(&body).len()), ("Hello ", 2));
}

#[tokio::test]
async fn an_error_can_come_mid_stream() {
    let sim = Sim::start().await;
    sim.script(Script::default().error_after(2));
    let (body, complete) = drain(stream(&sim).await).await;
    let events = events(&body);
    assert!(complete);
    assert_eq!(events.last().unwrap()["error"]["type"], "server_error");
    assert_eq!(streamed_text(&events), "Hello from ");
}

#[tokio::test]
async fn a_reset_gives_no_answer() {
    let sim = Sim::start().await;
    sim.script(Script::default().reset());
    let error = request(&sim, json!({})).send().await.unwrap_err();
    assert_eq!(io_kind(&error), Some(io::ErrorKind::ConnectionReset));
    assert_eq!(sim.requests()[0].outcome(), Outcome::Played);
}

#[tokio::test]
async fn garbage_is_not_json() {
    let sim = Sim::start().await;
    sim.script(Script::default().garbage());
    let response = chat(&sim).await;
    assert_eq!(response.status(), 200);
    assert!(serde_json::from_str::<Value>(&response.text().await.unwrap()).is_err());
    let (body, complete) = drain(stream(&sim).await).await;
    assert!(complete);
    let broken: Vec<_> = body.split("\n\n").filter_map(|event| event.strip_prefix("data: {")).collect();
    assert!(serde_json::from_str::<Value>(&format!("{{{}", broken[1])).is_err());
}

#[tokio::test]
async fn half_a_body_is_shorter_than_declared() {
    let sim = Sim::start().await;
    sim.script(Script::default().half_body());
    let response = chat(&sim).await;
    let declared = response.content_length().unwrap();
    let (body, complete) = drain(response).await;
    assert!(!complete);
    assert!(!body.is_empty() && (body.len() as u64) < declared);
}

#[tokio::test]
async fn a_dropped_upstream_refuses_and_closes() {
    let sim = Sim::start().await;
    sim.script(Script::default().stall_after(1));
    let mut response = stream(&sim).await;
    let call = request(&sim, json!({}));
    drop(sim);
    while let Ok(read) = response.chunk().await {
        assert!(read.is_some(), "the body ended as if it were complete");
    }
    assert!(call.send().await.unwrap_err().is_connect());
}
