//! Nodes that die: what they had set aside is charged or given back, once, and the books stay right.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use entity::pricing::{ClassPrices, Pricing};
use entity::row::{audit_event, ledger_lease, ledger_request, ledger_window, usage_record};
use entity::vocab::{Enforcement, UsageSource};
use futures_util::StreamExt;
use odock_gateway::store::ledger;
use odock_sim::Script;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::{NewModel, TestGateway, eventually};

/// A gateway process that shares the stores of a test's gateway.
pub(crate) struct Node {
    child: Child,
    port: u16,
    env: Vec<(String, String)>,
}

impl Node {
    pub(crate) async fn start(gw: &TestGateway, name: &str, more: &[(&str, &str)]) -> Self {
        let mut env = gw.stack.environment(name);
        env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut node = Self { child: spawn(&env, port), port, env };
        node.wait(gw).await;
        node
    }

    async fn wait(&mut self, gw: &TestGateway) {
        eventually("the node to answer", || async {
            let asked = gw.http.get(format!("http://127.0.0.1:{}/v1/health", self.port)).send().await;
            asked.ok().filter(|answer| answer.status() == 200).map(drop)
        })
        .await;
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn start_again(&mut self, gw: &TestGateway) {
        self.child = spawn(&self.env, self.port);
        self.wait(gw).await;
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1/chat/completions", self.port)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(env: &[(String, String)], port: u16) -> Child {
    Command::new(env!("CARGO_BIN_EXE_odock-gateway"))
        .arg("serve")
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .env("HTTP_PORT", port.to_string())
        .env("USAGE_FLUSH_INTERVAL", "20ms")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn request(stream: bool) -> Value {
    json!({ "model": "dear", "max_tokens": 10, "stream": stream, "messages": [{ "role": "user", "content": "x" }] })
}

async fn start() -> TestGateway {
    let gw = TestGateway::start_with(|config| {
        config.ledger.lease_ttl = Duration::from_secs(2);
        config.ledger.worker_interval = Duration::from_millis(300);
    })
    .await;
    let output = ClassPrices { text_cost_per_1k_tokens: Some("1".parse().unwrap()), ..Default::default() };
    let prices = Pricing { output, ..Default::default() };
    gw.fleet.model(NewModel { pricing: Some(prices), ..NewModel::named("dear") }).await;
    gw.fleet.budget("month", "100", Enforcement::Standard).await;
    gw.sim.script(Script::default().usage(7, 10));
    gw
}

async fn verified(gw: &TestGateway) {
    let database = &gw.running.gateway.database;
    eventually("every lease to be given back or taken away", || async {
        let leases = ledger_lease::Entity::find().all(database.reader()).await.unwrap();
        let notes = ledger_request::Entity::find().all(database.reader()).await.unwrap();
        (leases.is_empty() && notes.is_empty()).then_some(())
    })
    .await;
    let found = ledger::verify(database, None, None).await.unwrap();
    assert_eq!(found.differences, [], "{found:?}");
}

/// Records of the node's requests, which are those that were streams.
async fn streams(gw: &TestGateway) -> Vec<usage_record::Model> {
    gw.records().await.into_iter().filter(|record| record.stream).collect()
}

#[tokio::test]
async fn a_killed_node_settles_when_it_comes_back() {
    let gw = start().await;
    if !gw.stack.is_shared() {
        return;
    }
    // The lease outlives the test: only the node itself can give it back.
    let mut node = Node::start(&gw, "b", &[("LEDGER_LEASE_TTL", "1h")]).await;
    gw.sim.enqueue(Script::default().chunks(20).stall_after(3));
    let call = gw.http.post(node.url()).bearer_auth(&gw.fleet.secret).json(&request(true));
    let mut cut = call.send().await.unwrap().bytes_stream();
    cut.next().await.unwrap().unwrap();
    // One more has no answer yet: the upstream may be at work on it.
    gw.sim.enqueue(Script::default().latency(Duration::from_secs(30)));
    let call = gw.http.post(node.url()).bearer_auth(&gw.fleet.secret).json(&request(true));
    let waiting = tokio::spawn(call.send());
    eventually("both requests at the upstream", || async { (gw.sim.requests().len() == 2).then_some(()) }).await;
    node.kill();
    let _ = waiting.await;
    node.start_again(&gw).await;
    let records = eventually("both records", || async { Some(streams(&gw).await).filter(|it| it.len() == 2) }).await;
    for record in &records {
        assert_eq!((record.usage_source, record.cost_nanos), (UsageSource::Estimated, Some(10_000_000)), "{record:?}");
    }
    verified(&gw).await;
}

#[tokio::test]
async fn a_lost_nodes_requests_are_charged_by_another() {
    let gw = start().await;
    if !gw.stack.is_shared() {
        return;
    }
    let mut node = Node::start(&gw, "b", &[("LEDGER_LEASE_TTL", "2s")]).await;
    gw.sim.enqueue(Script::default().chunks(20).stall_after(3));
    let call = gw.http.post(node.url()).bearer_auth(&gw.fleet.secret).json(&request(true));
    let mut cut = call.send().await.unwrap().bytes_stream();
    cut.next().await.unwrap().unwrap();
    let database = &gw.running.gateway.database;
    eventually("the request to be written down", || async {
        let notes = ledger_request::Entity::find().all(database.reader()).await.unwrap();
        (notes.len() == 1).then_some(())
    })
    .await;
    node.kill();
    let records = eventually("its record", || async { Some(streams(&gw).await).filter(|it| it.len() == 1) }).await;
    assert_eq!((records[0].usage_source, records[0].cost_nanos), (UsageSource::Estimated, Some(10_000_000)));
    verified(&gw).await;
    let audit = audit_event::Entity::find().all(database.reader()).await.unwrap();
    assert!(audit.iter().any(|event| event.verb == "charge-lost"), "{audit:?}");
    // It was not lost for good after all: its journal says the same of the same request, which counts once.
    node.start_again(&gw).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(streams(&gw).await.len(), 1);
    verified(&gw).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_a_storm_the_books_are_right() {
    let gw = start().await;
    if !gw.stack.is_shared() {
        return;
    }
    let mut node = Node::start(&gw, "b", &[("LEDGER_LEASE_TTL", "2s")]).await;
    let urls = [gw.url("/v1/chat/completions"), node.url()];
    let tasks: Vec<_> = (0..16)
        .map(|client: usize| {
            let (http, secret, url) = (gw.http.clone(), gw.fleet.secret.clone(), urls[client % 2].clone());
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..60 {
                    let Ok(answer) = http.post(&url).bearer_auth(&secret).json(&request(false)).send().await else {
                        break;
                    };
                    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
                    if answer.status() == 200 && answer.bytes().await.is_ok() {
                        ids.push(id);
                    }
                }
                ids
            })
        })
        .collect();
    eventually("the storm to be in full swing", || async { (gw.sim.requests().len() > 150).then_some(()) }).await;
    node.kill();
    let mut answered = Vec::new();
    for task in tasks {
        answered.extend(task.await.unwrap());
    }
    node.start_again(&gw).await;
    eventually("a record for each answer", || async {
        let records = gw.records().await;
        answered.iter().all(|id| records.iter().filter(|record| record.request_id == *id).count() == 1).then_some(())
    })
    .await;
    verified(&gw).await;
    let records = gw.records().await;
    let windows = ledger_window::Entity::find().all(gw.running.gateway.database.reader()).await.unwrap();
    assert_eq!(windows[0].used, records.iter().filter_map(|record| record.cost_nanos).sum::<i64>());
    assert!(records.len() >= answered.len());
}
