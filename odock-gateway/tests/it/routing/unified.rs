//! On the unified route candidates may be of any family, and strategies say which comes first.

use entity::vocab::{ProviderType, RoutingDecision};
use odock_gateway::gateway::Gateway;
use odock_gateway::serve::Running;
use odock_sim::{Script, Sim};
use serde_json::{Value, json};

use crate::support::{Answer, NewModel, Routed, TestGateway, failed, served, skipped};

/// As `Routed`, with a third model, `other`, at an upstream that speaks Anthropic's.
async fn start(policy: Value) -> (Routed, Sim) {
    let routed = Routed::start().await;
    let other = Sim::start().await;
    let base = format!("{}/anthropic", other.base_url());
    let provider = routed.gw.fleet.provider_of("claude", ProviderType::Anthropic, base).await;
    routed.gw.fleet.model(NewModel { provider: Some(provider), ..NewModel::named("other") }).await;
    routed.policy(policy).await;
    (routed, other)
}

fn question(model: &str, more: Value) -> Value {
    let mut question = json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "Hello!"}]});
    question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    question
}

async fn ask(gw: &TestGateway, base: &str, body: &Value) -> Answer {
    let request = gw.http.post(format!("{base}/v1/llm/chat")).bearer_auth(&gw.fleet.secret).json(body);
    TestGateway::send(request).await
}

#[tokio::test]
async fn a_call_goes_on_to_another_family() {
    let (routed, other) = start(json!({"candidates": [{"modelName": "other"}]})).await;
    let base = routed.gw.url("");
    for more in [json!({}), json!({"stream": true})] {
        routed.gw.sim.enqueue(Script::default().status(500).body(json!({})));
        other.script(Script::default().text("Good day.").usage(7, 3));
        let answer = ask(&routed.gw, &base, &question("fast", more)).await;
        assert!(answer.status == 200 && answer.text().contains("day."), "{}", answer.text());
        let way = routed.way(&answer).await;
        assert_eq!(way, (RoutingDecision::Rerouted, vec![failed("fast", "5xx", Some(500)), served("other")]));
        assert!(answer.text().contains(r#""model":"other""#), "who answered is said: {}", answer.text());
        assert_eq!(routed.gw.record(&answer.request_id()).await.tokens.total, 10);
    }
    routed.is_quiet().await;
}

#[tokio::test]
async fn priority_decides_whichever_model_was_asked_for() {
    let candidates = json!([{"modelName": "fast", "priority": 2}, {"modelName": "backup", "priority": 1}]);
    let (routed, _other) = start(json!({"strategy": "priority", "candidates": candidates})).await;
    let answer = ask(&routed.gw, &routed.gw.url(""), &question("fast", json!({}))).await;
    assert_eq!(routed.way(&answer).await, (RoutingDecision::Rerouted, vec![served("backup")]));
}

#[tokio::test]
async fn a_candidate_that_has_no_words_for_the_question_is_passed_over() {
    let candidates = json!([{"modelName": "other"}, {"modelName": "backup", "priority": 2}]);
    let (routed, other) = start(json!({"candidates": candidates})).await;
    routed.gw.sim.enqueue(Script::default().status(500).body(json!({})));
    let answer = ask(&routed.gw, &routed.gw.url(""), &question("fast", json!({"logit_bias": {"50256": -100}}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let tried = vec![failed("fast", "5xx", Some(500)), skipped("other", "invalid_request"), served("backup")];
    assert_eq!(routed.way(&answer).await.1, tried);
    assert_eq!(other.requests().len(), 0);
}

#[tokio::test]
async fn who_insists_on_a_provider_is_not_sent_to_another() {
    let (routed, other) = start(json!({"candidates": [{"modelName": "other"}], "maxRetries": 1})).await;
    routed.gw.sim.enqueue(Script::default().status(500).body(json!({})));
    let answer = ask(&routed.gw, &routed.gw.url(""), &question("fast", json!({"provider": "upstream"}))).await;
    let tried = vec![failed("fast", "5xx", Some(500)), skipped("other", "provider_not_allowed"), served("fast")];
    assert_eq!(routed.way(&answer).await.1, tried);
    assert_eq!(other.requests().len(), 0);
}

#[tokio::test]
async fn a_key_rotates_its_models_over_all_nodes() {
    let candidates = json!([{"modelName": "fast"}, {"modelName": "backup"}, {"modelName": "other"}]);
    let (routed, other) = start(json!({"strategy": "round_robin", "candidates": candidates})).await;
    let gw = &routed.gw;
    let (mut nodes, mut bases) = (Vec::new(), vec![gw.url("")]);
    for name in ["b", "c"].into_iter().filter(|_| gw.stack.is_shared()) {
        gw.stack.share_sealing_key(name);
        let node = Running::start(Gateway::start(gw.stack.config(name)).await.unwrap()).await.unwrap();
        bases.push(format!("http://{}", node.address));
        nodes.push(node);
    }
    for call in 0..12 {
        let answer = ask(gw, &bases[call % bases.len()], &question("fast", json!({}))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let served = [&gw.sim, &routed.backup, &other].map(|sim| sim.requests().len());
    assert_eq!(served, [4, 4, 4]);
}
