//! `POST /v1/llm/chat`: one question, whatever the provider behind the model speaks.

use entity::vocab::{Outcome, ProviderType, UsageSource};
use odock_sim::Script;
use serde_json::{Value, json};

use crate::support::{Answer, TestGateway};

/// Every type of provider, and where it is simulated.
const PROVIDERS: &[(ProviderType, &str)] = &[
    (ProviderType::OpenAi, ""),
    (ProviderType::Anthropic, "/anthropic"),
    (ProviderType::Google, "/gemini"),
    (ProviderType::AzureOpenAi, "/azure"),
    (ProviderType::Vllm, "/vllm"),
    (ProviderType::Mistral, "/mistral"),
    (ProviderType::HuggingFace, "/huggingface"),
];

fn question(more: Value) -> Value {
    let mut question = json!({"model": "fast", "max_tokens": 50, "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]});
    question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    question
}

async fn ask(gw: &TestGateway, body: Value) -> Answer {
    TestGateway::send(gw.http.post(gw.url("/v1/llm/chat")).bearer_auth(&gw.fleet.secret).json(&body)).await
}

/// The data of each event, but for the last.
fn chunks(answer: &Answer) -> Vec<Value> {
    let text = answer.text();
    let mut events: Vec<_> = text.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
    assert_eq!(events.pop(), Some("[DONE]"), "{text}");
    events.into_iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

#[tokio::test]
async fn every_provider_gives_the_same_object() {
    for (provider, mount) in PROVIDERS {
        let gw = TestGateway::start_at(*provider, mount, |_| {}).await;
        gw.sim.script(Script::default().text("Good day.").usage(7, 3));
        let answer = ask(&gw, question(json!({}))).await;
        assert_eq!(answer.status, 200, "{provider}: {}", answer.text());
        let said = answer.json();
        assert_eq!((said["provider"].as_str(), said["model"].as_str()), (Some("upstream"), Some("fast")), "{provider}");
        assert_eq!((said["content"].as_str(), said["stop_reason"].as_str()), (Some("Good day."), Some("end_turn")));
        assert_eq!((said["input_tokens"].as_u64(), said["output_tokens"].as_u64()), (Some(7), Some(3)), "{provider}");
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.outcome, record.usage_source), (Outcome::Ok, UsageSource::Reported), "{provider}");
        assert_eq!((record.endpoint.as_str(), record.tokens.total), ("/v1/llm/chat", 10), "{provider}");
    }
}

#[tokio::test]
async fn every_provider_gives_the_same_chunks() {
    for (provider, mount) in PROVIDERS {
        let gw = TestGateway::start_at(*provider, mount, |_| {}).await;
        gw.sim.script(Script::default().text("Good day to you.").usage(7, 3).split_events(9));
        let asked = question(json!({"stream": true, "stream_options": {"include_usage": true}}));
        let answer = ask(&gw, asked).await;
        assert_eq!(answer.headers["content-type"].to_str().unwrap().split(';').next(), Some("text/event-stream"));
        let chunks = chunks(&answer);
        let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(text, "Good day to you.", "{provider}");
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant", "{provider}");
        assert!(chunks.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "stop"), "{provider}");
        assert_eq!(chunks.last().unwrap()["usage"]["total_tokens"], 10, "{provider}");
        assert_eq!(gw.record(&answer.request_id()).await.tokens.total, 10, "{provider}");
    }
}

#[tokio::test]
async fn every_provider_calls_tools_and_hears_what_they_said() {
    let lookup = json!({"type": "function", "function": {"name": "lookup", "parameters": {"type": "object",
        "properties": {"query": {"type": "string"}}}}});
    for (provider, mount) in PROVIDERS {
        let gw = TestGateway::start_at(*provider, mount, |_| {}).await;
        gw.sim.enqueue(Script::default().tool_call("lookup", json!({"query": "ü"})));
        let asked = question(json!({"tools": [lookup], "tool_choice": "required"}));
        let said = ask(&gw, asked.clone()).await.json();
        assert_eq!(said["stop_reason"], "tool_calls", "{provider}: {said}");
        let call = &said["tool_calls"][0];
        assert_eq!(call["function"]["name"], "lookup", "{provider}: {said}");
        let mut next = asked;
        let turn = [
            json!({"role": "assistant", "content": null, "tool_calls": said["tool_calls"]}),
            json!({"role": "tool", "tool_call_id": call["id"], "content": "42"}),
        ];
        next["messages"].as_array_mut().unwrap().extend(turn);
        next["tool_choice"] = "auto".into();
        let answer = ask(&gw, next).await;
        assert_eq!(answer.status, 200, "{provider}: {}", answer.text());
        assert!(gw.sim.requests()[1].text().contains("42"), "{provider}");
    }
}

#[tokio::test]
async fn what_a_provider_cannot_express_is_refused_by_name_or_left_out_and_said() {
    let gw = TestGateway::start_at(ProviderType::Anthropic, "/anthropic", |_| {}).await;
    let odd = json!({"logit_bias": {"5": 1}, "seed": 4});
    let refused = ask(&gw, question(odd.clone())).await;
    refused.expect_error(400, "invalid_request");
    assert!(refused.text().contains("logit_bias") && refused.text().contains("seed"), "{}", refused.text());
    assert_eq!(gw.sim.requests().len(), 0);
    let mut dropping = odd;
    dropping["drop_unsupported"] = true.into();
    let answer = ask(&gw, question(dropping)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut dropped: Vec<_> = answer.headers["x-odock-dropped"].to_str().unwrap().split(", ").collect();
    dropped.sort_unstable();
    assert_eq!(dropped, ["logit_bias", "seed"]);
    let plain = ask(&gw, question(json!({}))).await;
    assert!(!plain.headers.contains_key("x-odock-dropped"));
}

#[tokio::test]
async fn a_providers_refusal_comes_in_the_gateways_words() {
    for (provider, mount) in PROVIDERS {
        let gw = TestGateway::start_at(*provider, mount, |_| {}).await;
        gw.sim.enqueue(Script::default().status(429).header("retry-after", "7"));
        let answer = ask(&gw, question(json!({}))).await;
        assert_eq!((answer.status, answer.code().as_str()), (429, "upstream_error"), "{provider}: {}", answer.text());
        assert!(answer.json()["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert_eq!(answer.json()["error"]["upstream"]["status"], 429);
        assert!(!answer.json()["error"]["upstream"]["body"].is_null(), "{provider}");
        assert_eq!(answer.headers["retry-after"], "7");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error_and_is_charged() {
    for (provider, mount) in PROVIDERS {
        let gw = TestGateway::start_at(*provider, mount, |_| {}).await;
        gw.sim.enqueue(Script::default().text("one two three four five six").chunks(6).cut_after(3));
        let answer = ask(&gw, question(json!({"stream": true}))).await;
        let last = answer.text().trim_end().rsplit("\n\n").next().unwrap().to_owned();
        assert!(last.contains("upstream_error"), "{provider}: {}", answer.text());
        let record = gw.record(&answer.request_id()).await;
        assert_eq!((record.outcome, record.usage_source), (Outcome::Failed, UsageSource::Estimated), "{provider}");
        assert!(record.tokens.output_text > 0, "{provider}");
    }
}

#[tokio::test]
async fn a_caller_may_insist_on_a_provider() {
    let gw = TestGateway::start().await;
    assert_eq!(ask(&gw, question(json!({"provider": "upstream"}))).await.status, 200);
    let refused = ask(&gw, question(json!({"provider": "elsewhere"}))).await;
    refused.expect_error(400, "provider_not_allowed");
    assert!(refused.text().contains("elsewhere"));
}

#[tokio::test]
async fn mistakes_are_named_by_their_path() {
    let gw = TestGateway::start().await;
    let wrong = json!({"model": "fast", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]});
    let refused = ask(&gw, wrong).await;
    refused.expect_error(400, "invalid_request_body");
    assert!(refused.text().contains("messages[0].content[0]"), "{}", refused.text());
}
