//! Streams: bytes as they come, usage read on the way past, and every way to end.

use std::time::Duration;

use entity::pricing::{ClassPrices, Pricing};
use entity::vocab::{Outcome, UsageSource};
use futures_util::StreamExt;
use odock_sim::Script;
use serde_json::json;

use crate::support::{NewModel, TestGateway, eventually, stream};

#[tokio::test]
async fn a_stream_is_what_the_upstream_sent_and_usage_is_on_the_record() {
    let gw = TestGateway::start().await;
    let mut asked = stream("fast");
    asked["stream_options"] = json!({"include_usage": true});
    gw.sim.script(Script::default().chunks(5).usage(11, 7));
    let direct = gw.http.post(format!("{}/v1/chat/completions", gw.sim.base_url())).bearer_auth("x").json(&asked);
    let direct = TestGateway::send(direct).await;
    let answer = gw.chat(&asked).await;
    assert_eq!(answer.headers["content-type"], direct.headers["content-type"]);
    let events = |text: String| text.matches("data: ").count();
    assert_eq!(events(answer.text()), events(direct.text()));
    assert!(answer.text().contains("\"usage\":{"));
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.tokens_in, record.tokens_out, record.usage_source), (11, 7, UsageSource::Reported));
    assert!(record.stream && record.first_byte_us.is_some() && record.outcome == Outcome::Ok);
}

#[tokio::test]
async fn usage_is_withheld_from_a_caller_who_did_not_ask() {
    let gw = TestGateway::start().await;
    for script in [Script::default().chunks(5), Script::default().chunks(5).split_events(7)] {
        gw.sim.script(script.usage(11, 7));
        let answer = gw.chat(&stream("fast")).await;
        assert!(!answer.text().contains("\"usage\":{"), "{}", answer.text());
        assert!(answer.text().ends_with("data: [DONE]\n\n"));
        assert_eq!(gw.record(&answer.request_id()).await.tokens_out, 7);
    }
    assert_eq!(gw.sim.requests()[0].json()["stream_options"]["include_usage"], true);
}

#[tokio::test]
async fn chunks_are_not_held_back() {
    let gw = TestGateway::start().await;
    gw.sim.script(Script::default().chunks(4).stall_after(2));
    let response = gw
        .http
        .post(gw.url("/v1/chat/completions"))
        .bearer_auth(&gw.fleet.secret)
        .json(&stream("fast"))
        .send()
        .await
        .unwrap();
    let mut body = response.bytes_stream();
    let mut seen = String::new();
    // The upstream now waits for ever: what it sent must be here all the same.
    while seen.matches("data: ").count() < 2 {
        let chunk = tokio::time::timeout(Duration::from_secs(5), body.next()).await.expect("a chunk was held back");
        seen.push_str(&String::from_utf8_lossy(&chunk.unwrap().unwrap()));
    }
}

#[tokio::test]
async fn a_caller_who_leaves_pays_for_what_was_delivered() {
    let gw = TestGateway::start().await;
    gw.sim.script(Script::default().chunks(50).stall_after(10));
    let response = gw
        .http
        .post(gw.url("/v1/chat/completions"))
        .bearer_auth(&gw.fleet.secret)
        .json(&stream("fast"))
        .send()
        .await
        .unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let mut body = response.bytes_stream();
    body.next().await.unwrap().unwrap();
    drop(body);
    let record = gw.record(&id).await;
    assert_eq!((record.outcome, record.status, record.usage_source), (Outcome::Cancelled, 499, UsageSource::Estimated));
    assert!(record.tokens_in > 0 && record.tokens_out > 0);
    let sim = &gw.sim;
    eventually("the upstream to be cancelled", || async { sim.requests()[0].cancelled().then_some(()) }).await;
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_first_content_pays_for_the_prompt() {
    let gw = TestGateway::start().await;
    let input = ClassPrices { text_cost_per_1k_tokens: Some("1".parse().unwrap()), ..Default::default() };
    let pricing = Some(Pricing { input, ..Default::default() });
    gw.fleet.model(NewModel { pricing, ..NewModel::named("dear") }).await;
    gw.sim.script(Script::default().chunks(50).stall_after(0));
    let asking = gw.http.post(gw.url("/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(&stream("dear"));
    let response = tokio::time::timeout(Duration::from_secs(5), asking.send()).await.expect("a head").unwrap();
    drop(response);
    let record = gw.only_record().await;
    assert_eq!((record.outcome, record.status, record.usage_source), (Outcome::Cancelled, 499, UsageSource::Estimated));
    assert!(record.tokens_in > 0 && record.tokens_out == 0, "{} in, {} out", record.tokens_in, record.tokens_out);
    assert_eq!(record.cost_nanos, Some(record.tokens_in * 1_000_000), "a thousandth of a dollar a token");
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error_event() {
    let gw = TestGateway::start_with(|config| config.upstream.stream_idle_timeout = Duration::from_millis(300)).await;
    let cases = [
        (Script::default().chunks(9).cut_after(4), "upstream_error", "reset"),
        (Script::default().chunks(9).stall_after(4), "upstream_timeout", "timeout"),
    ];
    for (script, code, error) in cases {
        gw.sim.script(script);
        let answer = gw.chat(&stream("fast")).await;
        assert_eq!(answer.status, 200);
        let last = answer.text();
        let last = last.trim_end().rsplit("data: ").next().unwrap();
        let last: serde_json::Value = serde_json::from_str(last).unwrap();
        assert_eq!(last["error"]["code"], code);
        assert!(!answer.text().contains("[DONE]"));
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.outcome, record.usage_source), (Outcome::Failed, UsageSource::Estimated));
        assert_eq!(record.error_code.as_deref(), Some(code));
        assert_eq!(record.routing.attempts[0].error.as_deref(), Some(error));
        assert!(record.tokens_out > 0);
    }
}

#[tokio::test]
async fn a_stream_without_done_is_complete_if_it_has_a_finish_reason() {
    let gw = TestGateway::start().await;
    gw.sim.script(Script::default().chunks(3).no_done().usage(5, 3));
    let answer = gw.chat(&stream("fast")).await;
    assert!(!answer.text().contains("error"), "{}", answer.text());
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.outcome, record.tokens_out), (Outcome::Ok, 3));
}

#[tokio::test]
async fn an_upstreams_refusal_of_a_stream_is_a_plain_answer() {
    let gw = TestGateway::start().await;
    gw.sim.script(Script::default().status(429).body(json!({"error":{"message":"slow down"}})));
    let answer = gw.chat(&stream("fast")).await;
    assert_eq!((answer.status, answer.json()["error"]["message"].as_str().unwrap()), (429, "slow down"));
}

#[tokio::test]
async fn an_error_event_of_the_upstream_is_a_failed_request() {
    let gw = TestGateway::start().await;
    gw.sim.script(Script::default().chunks(9).error_after(4));
    let answer = gw.chat(&stream("fast")).await;
    assert!(answer.text().contains("\"error\""), "{}", answer.text());
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.outcome, record.error_code.as_deref()), (Outcome::Failed, Some("upstream_error")));
    assert_eq!(record.routing.attempts[0].error.as_deref(), Some("5xx"));
    assert!(record.tokens_out > 0, "what was delivered is billed");
}

#[tokio::test]
async fn a_compressed_stream_passes_unread() {
    let gw = TestGateway::start().await;
    gw.sim.script(
        Script::default()
            .raw_body(&b"\x1f\x8b\x08 no line ends here"[..], "text/event-stream")
            .header("content-encoding", "gzip"),
    );
    let answer = gw.chat(&stream("fast")).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"\x1f\x8b\x08 no line ends here"[..]));
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.outcome, record.usage_source), (Outcome::Ok, UsageSource::Estimated));
}
