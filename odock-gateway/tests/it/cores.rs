//! Connections, the streams of HTTP/2 among them, on the threads that serve them.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::support::{TestGateway, chat, stream};

/// A client that speaks HTTP/2 from the first byte, and so has one connection.
fn http2() -> reqwest::Client {
    reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap()
}

#[tokio::test]
async fn many_requests_of_one_http2_connection_are_served_side_by_side() {
    let gw = TestGateway::start_with(|config| config.http.workers = 3).await;
    let client = http2();
    let ask = |body| client.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&body);
    let unary = join_all((0..24).map(|_| TestGateway::send(ask(chat("fast"))))).await;
    assert!(unary.iter().all(|answer| answer.status == 200), "{unary:?}");
    let ids: BTreeSet<String> = unary.iter().map(|answer| answer.request_id()).collect();
    assert_eq!(ids.len(), 24, "each has an id of its own");
    for answer in join_all((0..8).map(|_| TestGateway::send(ask(stream("fast"))))).await {
        assert!(answer.text().trim_end().ends_with("data: [DONE]"), "{answer:?}");
    }
    let managed = client.get(gw.url("/api/version")).send().await.unwrap();
    assert!(managed.status().as_u16() < 500, "the management API on the same connection: {managed:?}");
    crate::support::eventually("a record of each", || async { (gw.records().await.len() == 32).then_some(()) }).await;
}

#[tokio::test]
async fn tasks_of_every_thread_are_counted() {
    let gw = TestGateway::start_with(|config| config.http.workers = 4).await;
    let tasks = async || {
        let text = gw.get("/metrics").await.text();
        let line = text.lines().find_map(|line| line.strip_prefix("gateway_runtime_tasks ")).unwrap();
        line.parse::<f64>().unwrap()
    };
    let before = tasks().await;
    let address = gw.running.address;
    let open = join_all((0..40).map(|_| tokio::net::TcpStream::connect(address))).await;
    assert!(open.iter().all(Result::is_ok));
    crate::support::eventually("forty connections more", || async { (tasks().await >= before + 40.0).then_some(()) })
        .await;
}
