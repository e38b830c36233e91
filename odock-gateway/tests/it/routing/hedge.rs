//! A second upstream is asked when the first takes longer than usual: whichever answers first serves, and both are paid for.

use std::time::{Duration, Instant};

use entity::pricing::{ClassPrices, Pricing};
use entity::row::{ledger_lease, ledger_window, usage_record};
use entity::vocab::{AttemptOutcome, Enforcement, RoutingDecision};
use odock_gateway::store::ledger;
use odock_sim::{Script, Sim};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::{Answer, NewModel, TestGateway, Tried, eventually, served, skipped};

/// Longer than a call takes on a busy machine, and shorter than anybody would wait for it.
const SLOW: Duration = Duration::from_secs(3);

/// A cent for each token in, and ten for each out.
fn price() -> Pricing {
    let each = |usd: &str| ClassPrices { text_cost_per_1k_tokens: Some(usd.parse().unwrap()), ..Default::default() };
    Pricing { input: each("10"), output: each("100"), ..Default::default() }
}

fn ask(stream: bool) -> Value {
    json!({ "model": "first", "max_tokens": 10, "stream": stream, "messages": [{ "role": "user", "content": "Say hello." }] })
}

fn cancelled(model: &str) -> Tried {
    (model.into(), AttemptOutcome::Cancelled, None, None)
}

struct Pair {
    gw: TestGateway,
    second: Sim,
}

/// `first` is quick as a rule, and has `second` beside it.
async fn start() -> Pair {
    let gw = TestGateway::start().await;
    let second = Sim::start().await;
    let provider = gw.fleet.another_provider("elsewhere", second.base_url()).await;
    gw.fleet.model(NewModel { pricing: Some(price()), ..NewModel::named("first") }).await;
    let other = NewModel { pricing: Some(price()), provider: Some(provider), ..NewModel::named("second") };
    gw.fleet.model(other).await;
    let policy = json!({"nativeFallback": {"openai": ["second"]}, "retryDelayMs": 1, "hedge": {"percentile": 50, "minDelayMs": 100}});
    gw.fleet.route(json!({ "chat": policy })).await;
    for sim in [&gw.sim, &second] {
        sim.script(Script::default().usage(7, 10));
    }
    Pair { gw, second }
}

impl Pair {
    /// Makes so many calls that it is known how long they take.
    async fn train(&self, stream: bool) {
        for _ in 0..20 {
            assert_eq!(self.gw.chat(&ask(stream)).await.status, 200);
        }
        assert_eq!(self.second.requests().len(), 0);
        let _ = self.gw.sim.take_requests();
    }

    async fn way(&self, answer: &Answer) -> (usage_record::Model, Vec<Tried>) {
        let record = self.gw.record(&answer.request_id()).await;
        let tried = record.routing.attempts.clone();
        let tried = tried.into_iter().map(|it| (it.model, it.outcome, it.error, it.status)).collect();
        (record, tried)
    }
}

/// What the budget has used, once nothing is set aside any more; every sum is held against the records.
async fn used(gw: &TestGateway) -> i64 {
    let gateway = &gw.running.gateway;
    eventually("all leases to be given back", || async {
        let leases = ledger_lease::Entity::find().all(gateway.database.reader()).await.unwrap();
        (leases.is_empty() && gateway.usage.backlog().0 == 0).then_some(())
    })
    .await;
    let verified = ledger::verify(&gateway.database, None, None).await.unwrap();
    assert_eq!(verified.differences, [], "{verified:?}");
    ledger_window::Entity::find().one(gateway.database.reader()).await.unwrap().map_or(0, |window| window.used)
}

async fn spent(gw: &TestGateway) -> i64 {
    gw.records().await.iter().filter_map(|record| record.cost_nanos).sum()
}

#[tokio::test]
async fn whichever_answers_first_serves_and_both_are_paid_for() {
    let pair = start().await;
    pair.gw.fleet.budget("team", "1000", Enforcement::Hard).await;
    pair.train(false).await;
    pair.gw.sim.enqueue(Script::default().latency(Duration::from_secs(30)));
    let began = Instant::now();
    let answer = pair.gw.chat(&ask(false)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(began.elapsed() < Duration::from_secs(10), "nobody waited for the first");
    let (record, tried) = pair.way(&answer).await;
    assert_eq!(tried, [cancelled("first"), served("second")]);
    assert_eq!((record.model.as_deref(), record.routing.decision), (Some("second"), RoutingDecision::Rerouted));
    let bill = record.bill.unwrap();
    let lines: Vec<_> = bill.lines.iter().map(|line| (line.class.as_ref(), line.quantity)).collect();
    let prompt = lines[2].1;
    assert_eq!(lines, [("input_text", 7), ("output_text", 10), ("hedge:input_text", prompt)]);
    assert!((1..50).contains(&prompt) && bill.adds_up());
    assert_eq!(record.cost_nanos, Some(bill.total_nanos));
    assert_eq!(bill.total_nanos, 1_070_000_000 + i64::try_from(prompt).unwrap() * 10_000_000);
    let sent = pair.gw.sim.wait_for_requests(1).await.remove(0);
    sent.wait_ended().await;
    assert!(sent.cancelled(), "the first is told to stop");
    assert_eq!(used(&pair.gw).await, spent(&pair.gw).await);
    let metrics = pair.gw.get("/metrics").await.text();
    assert!(metrics.contains("gateway_routing_hedges_total{served=\"second\"} 1"), "{metrics}");
}

#[tokio::test]
async fn the_first_may_still_win() {
    let pair = start().await;
    pair.gw.fleet.budget("team", "1000", Enforcement::Hard).await;
    pair.train(false).await;
    pair.gw.sim.enqueue(Script::default().latency(SLOW).usage(7, 10));
    pair.second.script(Script::default().latency(Duration::from_secs(30)));
    let answer = pair.gw.chat(&ask(false)).await;
    let (record, tried) = pair.way(&answer).await;
    assert_eq!(tried.len(), 2, "{tried:?}");
    assert!(tried.contains(&served("first")) && tried.contains(&cancelled("second")), "{tried:?}");
    assert_eq!((record.model.as_deref(), record.routing.decision), (Some("first"), RoutingDecision::Direct));
    assert!(record.first_byte_us.is_some_and(|us| us >= 3_000_000), "{:?}", record.first_byte_us);
    assert!(record.cost_nanos > Some(1_070_000_000));
    assert_eq!(used(&pair.gw).await, spent(&pair.gw).await);
}

#[tokio::test]
async fn a_stream_wins_with_its_first_content() {
    let pair = start().await;
    pair.gw.fleet.budget("team", "1000", Enforcement::Hard).await;
    pair.train(true).await;
    for slow in [Script::default().stall_before_headers(), Script::default().stall_after(0)] {
        pair.gw.sim.enqueue(slow);
        let answer = pair.gw.chat(&ask(true)).await;
        assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
        let (record, tried) = pair.way(&answer).await;
        assert_eq!(tried, [cancelled("first"), served("second")]);
        assert!(record.first_byte_us < Some(10_000_000));
    }
    assert_eq!(used(&pair.gw).await, spent(&pair.gw).await);
    assert!(pair.gw.running.gateway.streams.is_empty());
}

#[tokio::test]
async fn one_that_fails_leaves_the_race_to_the_other_and_costs_nothing() {
    let pair = start().await;
    pair.train(false).await;
    pair.gw.sim.enqueue(Script::default().latency(SLOW).usage(7, 10));
    pair.second.enqueue(Script::default().status(500).body(json!({})));
    let answer = pair.gw.chat(&ask(false)).await;
    let (record, tried) = pair.way(&answer).await;
    assert_eq!(tried[0], served("first"));
    assert_eq!((tried[1].1, tried[1].3), (AttemptOutcome::Failed, Some(500)));
    assert_eq!(record.cost_nanos, Some(1_070_000_000));
    let broken = || Script::default().latency(SLOW).status(500).body(json!({"error": "down"}));
    pair.gw.sim.script(broken());
    pair.second.script(broken());
    let answer = pair.gw.chat(&ask(false)).await;
    assert_eq!((answer.status, answer.json()), (500, json!({"error": "down"})));
}

#[tokio::test]
async fn what_does_not_pay_for_both_is_asked_once() {
    let pair = start().await;
    // Each call sets 1.00 for its answer aside, and its prompt.
    pair.gw.fleet.budget("small", "25.5", Enforcement::Hard).await;
    pair.train(false).await;
    let left = 25_500_000_000 - used(&pair.gw).await;
    assert!(left > 2_000_000_000 && left < 6_000_000_000, "{left}");
    pair.gw.sim.enqueue(Script::default().latency(SLOW).usage(7, 10));
    let mut large = ask(false);
    large["max_tokens"] = json!(25);
    let answer = pair.gw.chat(&large).await;
    let (record, tried) = pair.way(&answer).await;
    assert_eq!(tried, [served("first"), skipped("second", "budget_exceeded")], "{:?}", record.metadata.reservations);
    assert_eq!(pair.second.requests().len(), 0);
}

#[tokio::test]
async fn nothing_is_asked_twice_unless_the_policy_says_so() {
    let pair = start().await;
    pair.gw.fleet.route(json!({"chat": {"nativeFallback": {"openai": ["second"]}}})).await;
    pair.train(false).await;
    pair.gw.sim.enqueue(Script::default().latency(SLOW));
    assert_eq!(pair.gw.chat(&ask(false)).await.status, 200);
    assert_eq!(pair.second.requests().len(), 0);
}

#[tokio::test]
async fn places_and_tokens_of_the_one_that_lost_are_given_back() {
    let pair = start().await;
    let policies =
        || serde_json::from_value(json!({"ratelimit": {"concurrency": {"max": 1}, "tokens": {"per_minute": 40}}}));
    let provider = pair.gw.fleet.another_provider("third", pair.second.base_url()).await;
    let narrow =
        NewModel { policies: Some(policies().unwrap()), provider: Some(provider), ..NewModel::named("narrow") };
    pair.gw.fleet.model(narrow).await;
    let policy = json!({"nativeFallback": {"openai": ["narrow"]}, "hedge": {"percentile": 50, "minDelayMs": 100}});
    pair.gw.fleet.route(json!({ "chat": policy })).await;
    pair.train(false).await;
    pair.second.script(Script::default().latency(Duration::from_secs(30)));
    for _ in 0..3 {
        pair.gw.sim.enqueue(Script::default().latency(SLOW).usage(7, 10));
        let answer = pair.gw.chat(&ask(false)).await;
        let (_, tried) = pair.way(&answer).await;
        assert!(tried.contains(&cancelled("narrow")), "it has room each time: {tried:?}");
    }
}
