//! Hugging Face's jobs: asked for, done in the background, fetched later, billed once.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entity::pricing::{Pricing, UnitPrice};
use entity::row::{api_key, job, job_result, ledger_lease, ledger_window};
use entity::vocab::{Enforcement, JobStatus, Outcome, ProviderType};
use entity::{JobId, NodeId, Timestamp};
use odock_gateway::config::Config;
use odock_gateway::gateway::Gateway;
use odock_gateway::serve::Running;
use odock_gateway::store::ledger;
use odock_sim::Script;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::support::{Answer, NewModel, TestGateway, eventually};

const JOBS: &str = "/v1/huggingface/jobs";
const FILM: &[u8] = b"\0\0\0\x18ftypisom\0\0";

async fn start_with(configure: impl FnOnce(&mut Config)) -> TestGateway {
    let gw = TestGateway::start_at(ProviderType::HuggingFace, "/huggingface", |config| {
        config.jobs.lease = Duration::from_secs(1);
        configure(config);
    })
    .await;
    let unit = Some(UnitPrice { label: "film".into(), cost_per_1k_units: "1000".parse().unwrap() });
    let pricing = Some(Pricing { unit, ..Pricing::default() });
    gw.fleet.model(NewModel { slug: Some("acme/video"), pricing, ..NewModel::named("film") }).await;
    gw.sim.script(Script::default().media(FILM, "video/mp4"));
    gw
}

fn ask() -> Value {
    json!({"task": "text-to-video", "model": "film", "inputs": "a cat"})
}

/// A job whose upstream takes so long.
async fn begun(gw: &TestGateway, takes: Duration) -> String {
    gw.sim.enqueue(Script::default().latency(takes).media(FILM, "video/mp4"));
    taken(&gw.post_json(JOBS, &ask()).await)
}

const LONG: Duration = Duration::from_secs(60);

fn taken(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.json()["status"].as_str()), (202, Some("running")), "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn status(gw: &TestGateway, id: &str) -> String {
    gw.get(&format!("{JOBS}/{id}")).await.json()["status"].as_str().unwrap().to_owned()
}

async fn until(gw: &TestGateway, id: &str, wanted: &str) {
    eventually(wanted, || async { (status(gw, id).await == wanted).then_some(()) }).await;
}

async fn delete(gw: &TestGateway, id: &str) -> Answer {
    TestGateway::send(gw.http.delete(gw.url(&format!("{JOBS}/{id}"))).bearer_auth(&gw.fleet.secret)).await
}

/// What the one budget has used, once nothing is set aside any more; every sum is held against the records.
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

#[tokio::test]
async fn a_job_is_done_in_the_background_and_billed_once() {
    let gw = start_with(|_| {}).await;
    gw.fleet.budget("one film", "1.5", Enforcement::Hard).await;
    gw.sim.enqueue(Script::default().latency(Duration::from_millis(700)).media(FILM, "video/mp4"));
    let answer = gw.post_json(JOBS, &ask()).await;
    let id = taken(&answer);
    assert_eq!(answer.headers["location"], format!("{JOBS}/{id}").as_str());
    let waiting = gw.get(&format!("{JOBS}/{id}/result")).await;
    assert_eq!((waiting.status, &waiting.headers["retry-after"]), (202, &"1".parse().unwrap()));
    gw.post_json(JOBS, &ask()).await.expect_error(402, "budget_exceeded");
    until(&gw, &id, "succeeded").await;
    let result = gw.get(&format!("{JOBS}/{id}/result")).await;
    assert_eq!(result.json(), json!({"data": STANDARD.encode(FILM), "content_type": "video/mp4"}));
    assert_eq!((result.status, &result.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    let record = gw.record(&answer.request_id()).await;
    assert_eq!((record.outcome, record.tokens.units, record.cost_nanos), (Outcome::Ok, 1, Some(1_000_000_000)));
    assert_eq!(record.endpoint, JOBS);
    let listed = gw.get(JOBS).await.json();
    assert_eq!((listed["data"][0]["id"].as_str(), listed["data"].as_array().unwrap().len()), (Some(id.as_str()), 1));
    assert_eq!(used(&gw).await, 1_000_000_000);
    let kept = job_result::Entity::find().one(gw.running.gateway.database.reader()).await.unwrap().unwrap().body;
    assert!(!kept.windows(8).any(|window| window == b"ftypisom" || window == b"content_"), "it is encrypted");
}

#[tokio::test]
async fn nobody_else_sees_a_job() {
    let gw = start_with(|_| {}).await;
    let other = gw.fleet.another_key().await;
    let id = begun(&gw, LONG).await;
    for (method, path) in [("GET", ""), ("DELETE", ""), ("GET", "/result"), ("POST", "/cancel")] {
        let url = gw.url(&format!("{JOBS}/{id}{path}"));
        let asked = gw.http.request(method.parse().unwrap(), url).bearer_auth(&other);
        TestGateway::send(asked).await.expect_error(404, "not_found");
    }
    let list = TestGateway::send(gw.http.get(gw.url(JOBS)).bearer_auth(&other)).await;
    assert_eq!(list.json(), json!({"object": "list", "data": []}));
    assert_eq!(status(&gw, &id).await, "running");
    gw.get(&format!("{JOBS}/nonsense")).await.expect_error(404, "not_found");
    assert_eq!(TestGateway::send(gw.http.get(gw.url(&format!("{JOBS}/{id}")))).await.status, 401);
}

#[tokio::test]
async fn a_job_that_is_no_longer_wanted_is_stopped() {
    let gw = start_with(|_| {}).await;
    gw.fleet.budget("films", "10", Enforcement::Hard).await;
    let id = begun(&gw, LONG).await;
    let sent = gw.sim.wait_for_requests(1).await.remove(0);
    let stopping = delete(&gw, &id).await;
    assert_eq!((stopping.status, stopping.json()["cancelling"].as_bool()), (202, Some(true)), "{}", stopping.text());
    until(&gw, &id, "cancelled").await;
    sent.wait_ended().await;
    assert!(sent.cancelled(), "the upstream is told");
    gw.get(&format!("{JOBS}/{id}/result")).await.expect_error(409, "job_without_result");
    let record = gw.only_record().await;
    assert_eq!((record.outcome, record.status), (Outcome::Cancelled, 499));
    assert_eq!(used(&gw).await, record.cost_nanos.unwrap_or(0));
    assert_eq!(delete(&gw, &id).await.status, 204, "what has ended is forgotten");
    delete(&gw, &id).await.expect_error(404, "not_found");
    assert_eq!(gw.running.gateway.in_flight.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_job_ends_when_its_key_is_revoked() {
    let gw = start_with(|_| {}).await;
    gw.fleet.budget("films", "10", Enforcement::Hard).await;
    let id = begun(&gw, LONG).await;
    let sent = gw.sim.wait_for_requests(1).await.remove(0);
    let revoked = |at| api_key::ActiveModel { revoked_at: Set(at), ..Default::default() };
    gw.fleet.change_key(revoked(Some(Timestamp::now()))).await;
    sent.wait_ended().await;
    assert!(sent.cancelled(), "the upstream is told");
    gw.get(&format!("{JOBS}/{id}")).await.expect_error(401, "api_key_revoked");
    // What became of it is told to whoever may ask again.
    gw.fleet.change_key(revoked(None)).await;
    until(&gw, &id, "failed").await;
    let job = gw.get(&format!("{JOBS}/{id}")).await.json();
    assert_eq!(job["error"]["code"], "api_key_revoked", "{job}");
    let record = gw.only_record().await;
    assert_eq!(record.error_code.as_deref(), Some("api_key_revoked"));
    assert_eq!(used(&gw).await, record.cost_nanos.unwrap_or(0), "what the upstream may have made is charged");
}

#[tokio::test]
async fn what_the_provider_refuses_is_the_result() {
    let gw = start_with(|_| {}).await;
    gw.sim.enqueue(Script::default().status(422).body(json!({"error": "no cats"})));
    let id = taken(&gw.post_json(JOBS, &ask()).await);
    until(&gw, &id, "failed").await;
    let job = gw.get(&format!("{JOBS}/{id}")).await.json();
    assert_eq!(job["error"], json!({"code": "upstream_error", "message": "no cats"}));
    let result = gw.get(&format!("{JOBS}/{id}/result")).await;
    assert_eq!((result.status, result.json()), (422, json!({"error": "no cats"})));
    gw.sim.enqueue(Script::default().raw_body("<html>", "text/html"));
    let id = taken(&gw.post_json(JOBS, &ask()).await);
    until(&gw, &id, "failed").await;
    let result = gw.get(&format!("{JOBS}/{id}/result")).await;
    assert_eq!((result.status, result.code().as_str()), (502, "upstream_error"));
    let costs = eventually("a record each", || async {
        let costs: Vec<_> = gw.records().await.iter().map(|record| record.cost_nanos).collect();
        (costs.len() == 2).then_some(costs)
    });
    assert_eq!(costs.await, [None, None]);
}

#[tokio::test]
async fn what_no_route_would_take_is_no_job() {
    let gw = start_with(|_| {}).await;
    for (body, status, code) in [
        (json!({"model": "film", "inputs": "a cat"}), 400, "invalid_request_body"),
        (json!({"task": "chat", "model": "film", "inputs": "a cat"}), 400, "invalid_request_body"),
        (json!({"task": "text-to-video", "model": "none", "inputs": "a cat"}), 400, "model_not_found"),
        (json!([]), 400, "invalid_request_body"),
    ] {
        gw.post_json(JOBS, &body).await.expect_error(status, code);
    }
    assert_eq!(gw.get(JOBS).await.json()["data"], json!([]));
}

#[tokio::test]
async fn a_key_has_so_many_jobs_and_results_of_a_size() {
    let gw = start_with(|config| {
        (config.jobs.max_running, config.jobs.max_kept, config.jobs.max_result_bytes) = (2, 3, 40);
    })
    .await;
    let running = [begun(&gw, LONG).await, begun(&gw, LONG).await];
    gw.post_json(JOBS, &ask()).await.expect_error(429, "concurrency_exceeded");
    delete(&gw, &running[0]).await;
    until(&gw, &running[0], "cancelled").await;
    let large = taken(&gw.post_json(JOBS, &ask()).await);
    until(&gw, &large, "failed").await;
    assert_eq!(gw.get(&format!("{JOBS}/{large}")).await.json()["error"]["code"], "result_too_large");
    gw.post_json(JOBS, &ask()).await.expect_error(429, "quota_exceeded");
    delete(&gw, &large).await;
    assert_eq!(gw.post_json(JOBS, &ask()).await.status, 202);
}

#[tokio::test]
async fn a_repeat_is_the_same_job() {
    let gw = start_with(|_| {}).await;
    let send = || async {
        let request = gw.http.post(gw.url(JOBS)).bearer_auth(&gw.fleet.secret).header("idempotency-key", "once");
        TestGateway::send(request.json(&ask())).await
    };
    let (first, second) = (send().await, send().await);
    assert_eq!(taken(&first), taken(&second));
    assert_eq!(second.headers["idempotent-replayed"], "true");
    until(&gw, &taken(&first), "succeeded").await;
    assert_eq!(gw.sim.requests().len(), 1);
}

#[tokio::test]
async fn jobs_of_a_lost_node_fail_and_old_ones_are_forgotten() {
    let gw = start_with(|_| {}).await;
    let now = Timestamp::now();
    let lost = job::Model {
        id: JobId::new(),
        organisation_id: gw.fleet.organisation,
        api_key_id: gw.fleet.key,
        node_id: NodeId::new(),
        request_id: "r".into(),
        task: "text-to-video".into(),
        model: "film".into(),
        status: JobStatus::Running,
        cancel_asked: false,
        lease_ends_at: now,
        finished_at: None,
        expires_at: Timestamp(now.0 + 60_000_000),
        http_status: None,
        content_type: None,
        error_code: None,
        error_message: None,
        created_at: now,
        updated_at: now,
    };
    let old = job::Model { id: JobId::new(), status: JobStatus::Failed, expires_at: now, ..lost.clone() };
    let db = gw.running.gateway.database.writer();
    for row in [&lost, &old] {
        row.clone().into_active_model().insert(db).await.unwrap();
    }
    until(&gw, &lost.id.to_string(), "failed").await;
    let shown = gw.get(&format!("{JOBS}/{}", lost.id)).await.json();
    assert_eq!(shown["error"]["code"], "job_lost");
    eventually("the old one to be forgotten", || async {
        (gw.get(&format!("{JOBS}/{}", old.id)).await.status == 404).then_some(())
    })
    .await;
    let alive = begun(&gw, LONG).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(status(&gw, &alive).await, "running", "its node renews its lease");
}

#[tokio::test]
async fn a_gateway_that_stops_ends_its_jobs_and_the_next_one_tells_of_them() {
    let gw = start_with(|config| config.http.shutdown_grace = Duration::from_millis(200)).await;
    gw.fleet.budget("films", "10", Enforcement::Hard).await;
    let done = taken(&gw.post_json(JOBS, &ask()).await);
    until(&gw, &done, "succeeded").await;
    let id = begun(&gw, LONG).await;
    gw.sim.wait_for_requests(2).await;
    let TestGateway { running, stack, fleet, http, .. } = gw;
    let secret = fleet.secret.clone();
    drop(fleet);
    running.stop().await;
    let running = Running::start(Gateway::start(stack.config("a")).await.unwrap()).await.unwrap();
    let get = |path: String| {
        let asked = http.get(format!("http://{}{JOBS}/{path}", running.address)).bearer_auth(&secret);
        TestGateway::send(asked)
    };
    let job = get(id.clone()).await.json();
    assert_eq!((job["status"].as_str(), job["error"]["code"].as_str()), (Some("failed"), Some("job_lost")), "{job}");
    assert_eq!(get(format!("{done}/result")).await.status, 200);
    let verified = ledger::verify(&running.gateway.database, None, None).await.unwrap();
    assert_eq!(verified.differences, []);
    let windows = ledger_window::Entity::find().one(running.gateway.database.reader()).await.unwrap().unwrap();
    assert_eq!(windows.used, 2_000_000_000, "what the upstream may have made is charged");
}

#[tokio::test]
async fn another_node_tells_of_a_job_and_stops_it() {
    let gw = start_with(|_| {}).await;
    if !gw.stack.is_shared() {
        // One node has nobody to ask.
        return;
    }
    gw.stack.share_sealing_key("b");
    let other = Running::start(Gateway::start(gw.stack.config("b")).await.unwrap()).await.unwrap();
    let at_other = |path: String| format!("http://{}{JOBS}/{path}", other.address);
    let done = taken(&gw.post_json(JOBS, &ask()).await);
    until(&gw, &done, "succeeded").await;
    let result = TestGateway::send(gw.http.get(at_other(format!("{done}/result"))).bearer_auth(&gw.fleet.secret)).await;
    assert_eq!((result.status, result.json()["content_type"].as_str()), (200, Some("video/mp4")));
    let id = begun(&gw, LONG).await;
    let stopped = gw.http.post(at_other(format!("{id}/cancel"))).bearer_auth(&gw.fleet.secret);
    assert_eq!(TestGateway::send(stopped).await.status, 202);
    until(&gw, &id, "cancelled").await;
}
