use std::time::{Duration, Instant};

use odock_sim::{Outcome, Script, Sim};
use serde_json::{Value, json};

use crate::support::{client, drain, events, request, stream, streamed_text};

async fn events_of(sim: &Sim, fields: Value) -> Vec<Value> {
    let (body, complete) = drain(request(sim, fields).send().await.unwrap()).await;
    assert!(complete);
    events(&body)
}

#[tokio::test]
async fn a_stream_has_a_role_the_words_a_reason_and_done() {
    let sim = Sim::start().await;
    let response = stream(&sim).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let events = events(&drain(response).await.0);
    assert_eq!(events.len(), 1 + 5 + 1 + 1);
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(events[0]["object"], "chat.completion.chunk");
    assert_eq!(streamed_text(&events), "Hello from the simulated upstream.");
    assert_eq!(events[6]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[7], Value::Null);
    assert!(events.iter().all(|event| event.get("usage").is_none()));
}

#[tokio::test]
async fn usage_comes_last_with_empty_choices_when_asked_for() {
    let sim = Sim::start().await;
    let asked = json!({"stream": true, "stream_options": {"include_usage": true}});
    let events = events_of(&sim, asked).await;
    let (last, others) = events[..events.len() - 1].split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], json!({"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12}));
    assert!(others.iter().all(|event| event.get("usage") == Some(&Value::Null)));
}

#[tokio::test]
async fn usage_can_come_unasked_on_the_finish_chunk_or_not_at_all() {
    let sim = Sim::start().await;
    sim.script(Script::default().usage_on_finish_chunk().usage(1, 2));
    let events = events_of(&sim, json!({"stream": true})).await;
    assert_eq!(events[events.len() - 2]["usage"]["total_tokens"], 3);
    sim.script(Script::default().no_usage());
    let events = events_of(&sim, json!({"stream": true, "stream_options": {"include_usage": true}})).await;
    assert!(events.iter().all(|event| event.get("usage").is_none()));
}

#[tokio::test]
async fn the_number_of_chunks_is_as_scripted() {
    let sim = Sim::start().await;
    sim.script(Script::default().text("Grüße, Welt").chunks(4));
    let events = events_of(&sim, json!({"stream": true})).await;
    assert_eq!(events.len(), 1 + 4 + 1 + 1);
    assert_eq!(streamed_text(&events), "Grüße, Welt");
}

#[tokio::test]
async fn chunks_come_one_by_one() {
    let sim = Sim::start().await;
    sim.script(Script::default().chunks(3).chunk_delay(Duration::from_millis(30)));
    let begun = Instant::now();
    let mut response = stream(&sim).await;
    let mut reads = 0;
    while response.chunk().await.unwrap().is_some() {
        reads += 1;
    }
    assert!(reads >= 3, "{reads} reads");
    assert!(begun.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn events_can_be_split_anywhere() {
    let sim = Sim::start().await;
    sim.script(Script::default().split_events(5));
    let mut response = stream(&sim).await;
    let mut reads = Vec::new();
    while let Some(read) = response.chunk().await.unwrap() {
        reads.push(read.to_vec());
    }
    assert!(reads.iter().all(|read| read.len() <= 5));
    let events = events(&String::from_utf8(reads.concat()).unwrap());
    assert_eq!(streamed_text(&events), "Hello from the simulated upstream.");
}

#[tokio::test]
async fn a_stream_can_end_without_done() {
    let sim = Sim::start().await;
    sim.script(Script::default().no_done());
    let (body, complete) = drain(stream(&sim).await).await;
    assert!(complete && !body.contains("[DONE]"));
    assert_eq!(events(&body).last().unwrap()["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn tool_calls_are_streamed_in_pieces() {
    let sim = Sim::start().await;
    sim.script(Script::default().tool_call("weather", json!({"city": "Oslo"})).chunks(3));
    let events = events_of(&sim, json!({"stream": true})).await;
    let calls: Vec<_> = events.iter().map(|event| &event["choices"][0]["delta"]["tool_calls"][0]).collect();
    assert_eq!(calls[1]["function"]["name"], "weather");
    let arguments: String = calls.iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!(arguments, r#"{"city":"Oslo"}"#);
    assert_eq!(events[events.len() - 2]["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn an_azure_stream_begins_with_a_filter_report() {
    let sim = Sim::start().await;
    let url = format!("{}/openai/deployments/dep/chat/completions?api-version=1", sim.base_url());
    let call = client().post(url).header("api-key", "k").json(&json!({"stream": true, "messages": []}));
    let events = events(&drain(call.send().await.unwrap()).await.0);
    assert_eq!(events[0]["choices"], json!([]));
    assert!(events[0]["prompt_filter_results"].is_array());
    assert_eq!(events[1]["model"], "dep");
}

#[tokio::test]
async fn a_client_that_leaves_mid_stream_is_seen() {
    let sim = Sim::start().await;
    sim.script(Script::default().chunks(1_000).chunk_delay(Duration::from_millis(10)));
    let mut response = stream(&sim).await;
    assert!(response.chunk().await.unwrap().is_some());
    assert_eq!(sim.requests()[0].outcome(), Outcome::Open);
    drop(response);
    assert_eq!(sim.requests()[0].wait_ended().await, Outcome::Cancelled);
    assert!(sim.requests()[0].cancelled());
}
