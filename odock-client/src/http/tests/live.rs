use axum::body::{Body, Bytes};
use entity::live::{Gap, LiveEvent};
use futures_util::{StreamExt as _, stream};

use super::{Gateway, reply, with};
use crate::ClientError;
use crate::http::LiveQuery;

const TICK: &str = r#"{"at":"2027-06-30T00:00:00Z","totals":{},"denied":1,"inFlight":2,"latencyUs":{"p50":1,"p95":2,"p99":3},"overheadUs":{"p50":0,"p95":0,"p99":0},"topKeys":[],"topModels":[],"topTeams":[]}"#;

/// A stream that comes in the given pieces and then ends.
fn events(pieces: Vec<Vec<u8>>) -> axum::response::Response {
    let mut response = with(reply(200, "text/plain", ""), "content-type", "text/event-stream; charset=utf-8");
    *response.body_mut() =
        Body::from_stream(stream::iter(pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)))));
    response
}

async fn read(response: axum::response::Response) -> (Vec<Result<LiveEvent, ClientError>>, Gateway) {
    let gateway = Gateway::start([response]).await;
    let query = LiveQuery { key: Some("ci".into()), requests: Some(false), ..LiveQuery::default() };
    let stream = gateway.client().organisation("acme").live(&query).await.unwrap();
    (stream.collect().await, gateway)
}

#[tokio::test]
async fn events_are_read_from_pieces_of_any_size() {
    let text = format!(
        ": hello\n\nevent: tick\ndata: {TICK}\n\nevent: news\ndata: {{}}\n\nevent: gap\ndata: {{\"missed\":3}}\n\n"
    );
    let (found, gateway) = read(events(text.bytes().map(|byte| vec![byte]).collect())).await;
    assert!(matches!(&found[0], Ok(LiveEvent::Tick(tick)) if tick.in_flight == 2));
    assert!(matches!(found[1], Ok(LiveEvent::Gap(Gap { missed: Some(3) }))));
    assert_eq!(found.len(), 2, "events of a kind that is not known are passed over");
    assert_eq!(gateway.lines(), ["GET /api/organisations/acme/live?key=ci&requests=false"]);
}

#[tokio::test]
async fn a_stream_that_breaks_says_so_once() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::task::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 1024]).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n";
        socket.write_all(format!("{head}event: tick\ndata: {TICK}\n\n").as_bytes()).await.unwrap();
    });
    let client = super::quick(url).build().unwrap();
    let stream = client.organisation("acme").live(&LiveQuery::default()).await.unwrap();
    let found: Vec<_> = stream.collect().await;
    assert!(found[0].is_ok());
    assert!(matches!(found[1], Err(ClientError::Unreachable { .. })));
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn a_garbled_event_ends_the_stream() {
    let (found, _) = read(events(vec![b"event: tick\ndata: {}\n\nevent: gap\ndata: {}\n\n".to_vec()])).await;
    assert!(matches!(found[..], [Err(ClientError::Decode { .. })]));
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_refused() {
    let gateway = Gateway::start([super::version()]).await;
    let result = gateway.client().admin().live(&LiveQuery::default()).await;
    assert!(matches!(result.err(), Some(ClientError::Decode { .. })));
}
