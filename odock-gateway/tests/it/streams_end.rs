//! Streams that end because their callers may not go on: with a last event that says why, and clean books.

use std::time::Duration;

use entity::Timestamp;
use entity::pricing::{ClassPrices, Pricing};
use entity::row::{
    api_key, api_key_model_access, budget, ledger_lease, organisation, provider, provider_api_key, quota,
};
use entity::vocab::{Enforcement, Metric, OrganisationStatus, Outcome, UsageSource};
use futures_util::{Stream, StreamExt};
use odock_gateway::gateway::Gateway;
use odock_gateway::serve::Running;
use odock_gateway::store::ledger;
use odock_sim::Script;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::support::{NewModel, TestGateway, eventually, stream};

/// A tenth of a cent for each token of output; the prompt costs nothing.
async fn start() -> TestGateway {
    let gw = TestGateway::start().await;
    let output = ClassPrices { text_cost_per_1k_tokens: Some("1".parse().unwrap()), ..Default::default() };
    let pricing = Some(Pricing { output, ..Default::default() });
    gw.fleet.model(NewModel { pricing, ..NewModel::named("dear") }).await;
    gw
}

/// A hundred chunks of a word each, of which the upstream sends ten and then falls silent.
fn silent() -> Script {
    Script::default().text("word ".repeat(100)).chunks(100).stall_after(10).no_usage()
}

/// A hundred chunks of a word each, one every 20 ms.
fn steady() -> Script {
    Script::default().text("word ".repeat(100)).chunks(100).chunk_delay(Duration::from_millis(20)).no_usage()
}

/// A stream that a caller reads.
struct Reading {
    id: String,
    body: std::pin::Pin<Box<dyn Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    seen: String,
}

impl Reading {
    async fn begin(gw: &TestGateway, body: &Value) -> Self {
        Self::begin_at(gw, &gw.url(""), body).await
    }

    async fn begin_at(gw: &TestGateway, address: &str, body: &Value) -> Self {
        let request = gw.http.post(format!("{address}/v1/chat/completions")).bearer_auth(&gw.fleet.secret).json(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let mut reading = Self { id, body: Box::pin(response.bytes_stream()), seen: String::new() };
        while reading.seen.matches("word").count() < 5 {
            reading.read().await.expect("the stream ended before it was to");
        }
        reading
    }

    async fn read(&mut self) -> Option<()> {
        let chunk = tokio::time::timeout(Duration::from_secs(5), self.body.next()).await.expect("the stream went on");
        self.seen.push_str(&String::from_utf8_lossy(&chunk?.unwrap()));
        Some(())
    }

    /// Reads to the end and gives the error of the last event.
    async fn error(&mut self) -> Value {
        while self.read().await.is_some() {}
        assert!(self.seen.ends_with("\n\n") && !self.seen.contains("[DONE]"), "{}", self.seen);
        let last: Value = serde_json::from_str(self.seen.trim_end().rsplit("data: ").next().unwrap()).unwrap();
        assert_eq!(last["error"]["request_id"], self.id.as_str());
        last["error"].clone()
    }
}

/// Sees that a stream has left the record of one that was ended, that its upstream was let go, and that the books are clean.
async fn ended(gw: &TestGateway, reading: &Reading, code: &str) {
    let record = gw.record(&reading.id).await;
    assert_eq!((record.outcome, record.status, record.dispatched), (Outcome::Failed, 200, true));
    assert_eq!(record.error_code.as_deref(), Some(code));
    assert_eq!(record.usage_source, UsageSource::Estimated);
    assert!(record.tokens_out > 0, "what was delivered is billed");
    let sim = &gw.sim;
    eventually("the upstream to be cancelled", || async { sim.requests().last()?.cancelled().then_some(()) }).await;
    settled(&gw.running.gateway).await;
}

async fn settled(gateway: &Gateway) {
    eventually("all leases to be given back", || async {
        let leases = ledger_lease::Entity::find().all(gateway.database.reader()).await.unwrap();
        // What was spent beyond a limit stays on the books as a debt.
        let given_back = leases.iter().all(|lease| lease.held == 0 && lease.amount <= 0);
        (given_back && gateway.usage.backlog().0 == 0 && gateway.streams.is_empty()).then_some(())
    })
    .await;
    let verified = ledger::verify(&gateway.database, None, None).await.unwrap();
    assert_eq!(verified.differences, [], "{verified:?}");
}

fn revoked() -> api_key::ActiveModel {
    api_key::ActiveModel { revoked_at: Set(Some(Timestamp::now())), ..Default::default() }
}

#[tokio::test]
async fn a_revoked_key_ends_a_stream_that_delivers_and_one_that_is_silent() {
    for script in [steady(), silent()] {
        let gw = start().await;
        gw.fleet.budget("month", "10", Enforcement::Standard).await;
        gw.sim.script(script);
        let mut reading = Reading::begin(&gw, &stream("dear")).await;
        gw.fleet.change_key(revoked()).await;
        let error = reading.error().await;
        assert_eq!(error["code"], "api_key_revoked");
        assert_eq!(error["message"], "the API key was revoked");
        ended(&gw, &reading, "api_key_revoked").await;
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_on_one_node_ends_streams_on_another() {
    let gw = start().await;
    if !gw.stack.is_shared() {
        return;
    }
    gw.stack.share_sealing_key("b");
    let other = Running::start(Gateway::start(gw.stack.config("b")).await.unwrap()).await.unwrap();
    gw.sim.script(silent());
    let mut reading = Reading::begin_at(&gw, &format!("http://{}", other.address), &stream("dear")).await;
    gw.fleet.change_key(revoked()).await;
    assert_eq!(reading.error().await["code"], "api_key_revoked");
    ended(&gw, &reading, "api_key_revoked").await;
}

#[tokio::test]
async fn a_stream_ends_when_what_it_uses_is_taken_away() {
    enum Taken {
        Grant,
        Provider,
        Credential,
        Organisation,
        Key,
    }
    let cases = [
        (Taken::Grant, "model_not_allowed"),
        (Taken::Provider, "provider_disabled"),
        (Taken::Credential, "provider_api_key_revoked"),
        (Taken::Organisation, "api_key_revoked"),
        (Taken::Key, "api_key_revoked"),
    ];
    for (taken, code) in cases {
        let gw = start().await;
        gw.sim.script(silent());
        let mut reading = Reading::begin(&gw, &stream("dear")).await;
        let db = gw.running.gateway.database.writer();
        match taken {
            Taken::Grant => {
                let mine = api_key_model_access::Column::ApiKeyId.eq(gw.fleet.key);
                api_key_model_access::Entity::delete_many().filter(mine).exec(db).await.unwrap();
                gw.running.gateway.invalidate(&[gw.fleet.key.0]).await;
            }
            Taken::Provider => {
                gw.fleet.change_provider(provider::ActiveModel { enabled: Set(false), ..Default::default() }).await;
            }
            Taken::Credential => {
                let change = provider_api_key::ActiveModel { revoked: Set(true), ..Default::default() };
                provider_api_key::Entity::update_many().set(change).exec(db).await.unwrap();
                gw.running.gateway.invalidate(&[gw.fleet.provider.0]).await;
            }
            Taken::Organisation => {
                let status = Set(OrganisationStatus::Suspended);
                let change = organisation::ActiveModel { id: Set(gw.fleet.organisation), status, ..Default::default() };
                change.update(db).await.unwrap();
                gw.running.gateway.invalidate(&[gw.fleet.organisation.0]).await;
            }
            Taken::Key => {
                let grants = api_key_model_access::Column::ApiKeyId.eq(gw.fleet.key);
                api_key_model_access::Entity::delete_many().filter(grants).exec(db).await.unwrap();
                api_key::Entity::delete_by_id(gw.fleet.key).exec(db).await.unwrap();
                gw.running.gateway.invalidate(&[gw.fleet.key.0]).await;
            }
        }
        assert_eq!(reading.error().await["code"], code);
        ended(&gw, &reading, code).await;
    }
}

#[tokio::test]
async fn changes_that_take_nothing_away_leave_streams_alone() {
    let gw = start().await;
    gw.sim.script(steady());
    let mut reading = Reading::begin(&gw, &stream("dear")).await;
    gw.fleet.change_key(api_key::ActiveModel { name: Set("renamed".into()), ..Default::default() }).await;
    gw.fleet.change_provider(provider::ActiveModel { timeout_ms: Set(Some(9_000)), ..Default::default() }).await;
    gw.running.gateway.hot.all_changed().await.unwrap();
    while reading.read().await.is_some() {}
    assert!(reading.seen.ends_with("data: [DONE]\n\n"), "{}", reading.seen);
    assert_eq!(gw.record(&reading.id).await.outcome, Outcome::Ok);
    eventually("no stream under way", || async { gw.running.gateway.streams.is_empty().then_some(()) }).await;
}

#[tokio::test]
async fn a_hard_budget_that_is_lowered_below_what_is_used_ends_streams() {
    let gw = start().await;
    let id = gw.fleet.budget("strict", "1", Enforcement::Hard).await;
    gw.sim.enqueue(Script::default().usage(7, 20));
    let first = json!({ "model": "dear", "max_tokens": 20, "messages": [{ "role": "user", "content": "x" }] });
    assert_eq!(gw.chat(&first).await.status, 200);
    gw.sim.script(silent());
    let mut wish = stream("dear");
    wish["max_tokens"] = json!(100);
    let mut reading = Reading::begin(&gw, &wish).await;
    let lowered =
        budget::ActiveModel { id: Set(id), amount_nanos: Set(10_000_000), revision: Set(2), ..Default::default() };
    lowered.update(gw.running.gateway.database.writer()).await.unwrap();
    gw.running.gateway.invalidate(&[gw.fleet.organisation.0]).await;
    let error = reading.error().await;
    assert_eq!((&error["code"], &error["scope"]), (&json!("budget_exceeded"), &json!("budget")));
    assert!(error["message"].as_str().unwrap().contains("the budget strict is spent"), "{error}");
    ended(&gw, &reading, "budget_exceeded").await;
}

#[tokio::test]
async fn a_hard_budget_that_is_lowered_below_what_a_stream_delivered_ends_it_and_a_standard_one_does_not() {
    for (enforcement, ends) in [(Enforcement::Hard, true), (Enforcement::Standard, false)] {
        let gw = start().await;
        let id = gw.fleet.budget("edited", "1", enforcement).await;
        gw.sim.script(steady());
        let mut wish = stream("dear");
        wish["max_tokens"] = json!(200);
        let mut reading = Reading::begin(&gw, &wish).await;
        let lowered =
            budget::ActiveModel { id: Set(id), amount_nanos: Set(5_000_000), revision: Set(2), ..Default::default() };
        lowered.update(gw.running.gateway.database.writer()).await.unwrap();
        gw.running.gateway.invalidate(&[gw.fleet.organisation.0]).await;
        if ends {
            assert_eq!(reading.error().await["code"], "budget_exceeded");
            ended(&gw, &reading, "budget_exceeded").await;
        } else {
            while reading.read().await.is_some() {}
            assert!(reading.seen.ends_with("data: [DONE]\n\n"), "{}", reading.seen);
        }
    }
}

#[tokio::test]
async fn a_quota_that_is_lowered_below_what_is_used_ends_streams() {
    let gw = start().await;
    let id = gw.fleet.quota("tokens", Metric::TokensOut, 10_000).await;
    gw.sim.enqueue(Script::default().usage(7, 20));
    let first = json!({ "model": "dear", "max_tokens": 20, "messages": [{ "role": "user", "content": "x" }] });
    assert_eq!(gw.chat(&first).await.status, 200);
    gw.sim.script(silent());
    let mut reading = Reading::begin(&gw, &stream("dear")).await;
    let lowered = quota::ActiveModel { id: Set(id), limit_value: Set(10), revision: Set(2), ..Default::default() };
    lowered.update(gw.running.gateway.database.writer()).await.unwrap();
    gw.running.gateway.invalidate(&[gw.fleet.key.0]).await;
    assert_eq!(reading.error().await["code"], "quota_exceeded");
    ended(&gw, &reading, "quota_exceeded").await;
}

/// An upstream that does not keep to its cap: far more text than the tokens that were asked for can be.
fn overrun() -> Script {
    Script::default().text("word ".repeat(400)).chunks(400).chunk_delay(Duration::from_millis(5)).no_usage()
}

#[tokio::test]
async fn a_stream_that_runs_over_what_a_hard_budget_affords_is_ended() {
    let gw = start().await;
    gw.fleet.budget("strict", "0.02", Enforcement::Hard).await;
    gw.sim.script(overrun());
    let mut reading = Reading::begin(&gw, &stream("dear")).await;
    let error = reading.error().await;
    assert_eq!(error["code"], "budget_exceeded");
    ended(&gw, &reading, "budget_exceeded").await;
    let delivered = reading.seen.matches("word").count();
    assert!((32..200).contains(&delivered), "{delivered} words for a budget of 20 tokens");
}

#[tokio::test]
async fn a_stream_that_runs_over_its_estimate_goes_on_while_there_is_enough() {
    let gw = start().await;
    gw.fleet.budget("strict", "10", Enforcement::Hard).await;
    gw.sim.script(overrun());
    let mut wish = stream("dear");
    wish["max_tokens"] = json!(20);
    let mut reading = Reading::begin(&gw, &wish).await;
    while reading.seen.matches("word").count() < 200 {
        reading.read().await.unwrap();
    }
    // Others see what it holds by now: 250 tokens at the least, where 20 were expected.
    eventually("more to be set aside", || async {
        let leases = ledger_lease::Entity::find().all(gw.running.gateway.database.reader()).await.unwrap();
        leases.iter().any(|lease| lease.held > 200_000_000).then_some(())
    })
    .await;
    while reading.read().await.is_some() {}
    assert!(reading.seen.ends_with("data: [DONE]\n\n"), "{}", reading.seen);
    assert_eq!(gw.record(&reading.id).await.outcome, Outcome::Ok);
    settled(&gw.running.gateway).await;
}
