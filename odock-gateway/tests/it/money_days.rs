//! Odd days for money: windows that end, clocks that change, events that nobody takes, figures that were tampered with.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use entity::Timestamp;
use entity::pricing::{ClassPrices, Pricing};
use entity::resource::PriceChange;
use entity::row::{PriceChanges, budget, ledger_event, ledger_lease, ledger_window, model, quota, usage_record};
use entity::vocab::{Enforcement, Metric, Period, ProviderType};
use odock_gateway::clock::ManualClock;
use odock_gateway::gateway::Gateway;
use odock_gateway::serve::Running;
use odock_gateway::store::{self, ledger};
use odock_gateway::usage::Written;
use odock_sim::{Script, Sim};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use crate::support::{Fleet, NewModel, Stack, TestGateway, eventually};

fn prices() -> Pricing {
    let output = ClassPrices { text_cost_per_1k_tokens: Some("1".parse().unwrap()), ..Default::default() };
    Pricing { output, ..Default::default() }
}

/// A cent.
pub(crate) fn cent() -> Value {
    json!({ "model": "dear", "max_tokens": 10, "messages": [{ "role": "user", "content": "x" }] })
}

pub(crate) async fn with_model(gw: &TestGateway) {
    gw.fleet.model(NewModel { pricing: Some(prices()), ..NewModel::named("dear") }).await;
    gw.sim.script(Script::default().usage(7, 10));
}

pub(crate) async fn settled(gateway: &Gateway) {
    eventually("all leases to be given back", || async {
        let leases = ledger_lease::Entity::find().all(gateway.database.reader()).await.unwrap();
        (leases.is_empty() && gateway.usage.backlog().0 == 0).then_some(())
    })
    .await;
    let verified = ledger::verify(&gateway.database, None, None).await.unwrap();
    assert_eq!(verified.differences, []);
}

/// A gateway whose clock the test moves.
struct InTime {
    fleet: Fleet,
    running: Running,
    clock: ManualClock,
    http: reqwest::Client,
    sim: Sim,
    _stack: Stack,
}

impl InTime {
    async fn at(instant: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (stack, sim) = (Stack::new().await, Sim::start().await);
        let clock = ManualClock::at(instant.parse().unwrap());
        let gateway = Gateway::start_with_clock(stack.config("a"), Arc::new(clock.clone())).await.unwrap();
        let fleet = Fleet::new(&gateway, ProviderType::OpenAi, Some(sim.base_url())).await;
        fleet.model(NewModel { pricing: Some(prices()), ..NewModel::named("dear") }).await;
        sim.script(Script::default().usage(7, 10));
        let running = Running::start(gateway).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { fleet, running, clock, http, sim, _stack: stack }
    }

    async fn call(&self) -> u16 {
        let url = format!("http://{}/v1/chat/completions", self.running.address);
        let call = self.http.post(url).bearer_auth(&self.fleet.secret).json(&cent());
        call.send().await.unwrap().status().as_u16()
    }

    async fn change(&self, id: entity::BudgetId, change: budget::ActiveModel) {
        let change = budget::ActiveModel { id: Set(id), revision: Set(2), ..change };
        change.update(self.fleet.gateway.database.writer()).await.unwrap();
        self.fleet.gateway.invalidate(&[self.fleet.organisation.0]).await;
    }

    /// The windows, by their beginning: when they begin, how many hours they last, what they allow and what was used.
    async fn windows(&self) -> Vec<(String, i64, i64, i64)> {
        let rows = ledger_window::Entity::find().all(self.running.gateway.database.reader()).await.unwrap();
        let mut windows: Vec<_> = rows
            .into_iter()
            .map(|row| {
                let hours = (row.ends_at.0 - row.starts_at.0) / 3_600_000_000;
                (row.starts_at.to_string(), hours, row.limit_value, row.used)
            })
            .collect();
        windows.sort();
        windows
    }
}

#[tokio::test]
async fn a_month_ends_where_its_owner_is() {
    for (zone, last, begins) in [
        ("UTC", "2026-11-30T23:59:58Z", "2026-12-01T00:00:00Z"),
        ("Asia/Tokyo", "2026-11-30T14:59:58Z", "2026-11-30T15:00:00Z"),
        ("America/New_York", "2026-12-01T04:59:58Z", "2026-12-01T05:00:00Z"),
    ] {
        let gw = InTime::at(last).await;
        let id = gw.fleet.budget("month", "0.02", Enforcement::Standard).await;
        gw.change(id, budget::ActiveModel { timezone: Set(zone.into()), ..Default::default() }).await;
        assert_eq!([gw.call().await, gw.call().await, gw.call().await], [200, 200, 402], "{zone}");
        gw.clock.advance(Duration::from_secs(2));
        assert_eq!([gw.call().await, gw.call().await, gw.call().await], [200, 200, 402], "{zone}");
        settled(&gw.running.gateway).await;
        let windows = gw.windows().await;
        assert_eq!(windows.len(), 2, "{windows:?}");
        assert_eq!((windows[1].0.as_str(), windows[0].3, windows[1].3), (begins, 20_000_000, 20_000_000), "{zone}");
    }
}

#[tokio::test]
async fn the_day_on_which_clocks_go_back_has_25_hours_of_one_budget() {
    let gw = InTime::at("2026-10-24T22:00:00Z").await;
    let id = gw.fleet.budget("day", "0.02", Enforcement::Standard).await;
    let daily =
        budget::ActiveModel { timezone: Set("Europe/Paris".into()), period: Set(Period::Daily), ..Default::default() };
    gw.change(id, daily).await;
    assert_eq!(gw.call().await, 200);
    gw.clock.advance(Duration::from_secs(24 * 3_600 + 1_800));
    assert_eq!([gw.call().await, gw.call().await], [200, 402], "half past eleven at night of the same day");
    gw.clock.advance(Duration::from_secs(1_800));
    assert_eq!(gw.call().await, 200, "the next day");
    settled(&gw.running.gateway).await;
    let windows = gw.windows().await;
    assert_eq!((windows[0].0.as_str(), windows[0].1), ("2026-10-24T22:00:00Z", 25));
    assert_eq!((windows[1].0.as_str(), windows[1].1), ("2026-10-25T23:00:00Z", 24));
}

#[tokio::test]
async fn a_period_that_changes_in_use_refuses_nobody() {
    let gw = InTime::at("2026-11-23T12:00:00Z").await;
    let id = gw.fleet.budget("shorter", "0.04", Enforcement::Standard).await;
    assert_eq!(gw.call().await, 200);
    gw.change(id, budget::ActiveModel { period: Set(Period::Daily), ..Default::default() }).await;
    // The month's capacity is still on this node when the day's is asked for. What was spent today counts.
    assert_eq!([gw.call().await, gw.call().await, gw.call().await, gw.call().await], [200, 200, 200, 402]);
    settled(&gw.running.gateway).await;
    assert_eq!(gw.windows().await.iter().map(|window| window.3).collect::<Vec<_>>(), [40_000_000; 2]);
}

#[tokio::test]
async fn a_quota_that_counts_something_else_from_now_on_counts_it_from_the_beginning_of_its_window() {
    let gw = TestGateway::start().await;
    with_model(&gw).await;
    let id = gw.fleet.quota("month", Metric::Requests, 5).await;
    assert_eq!(gw.chat(&cent()).await.status, 200);
    gw.only_record().await;
    let tokens = quota::ActiveModel {
        id: Set(id),
        metric: Set(Metric::TokensOut),
        limit_value: Set(25),
        revision: Set(2),
        ..Default::default()
    };
    tokens.update(gw.fleet.gateway.database.writer()).await.unwrap();
    gw.fleet.gateway.invalidate(&[gw.fleet.organisation.0]).await;
    // Ten tokens each, of twenty-five.
    assert_eq!(gw.chat(&cent()).await.status, 200);
    gw.chat(&cent()).await.expect_error(429, "quota_exceeded");
    settled(&gw.running.gateway).await;
    let window = ledger_window::Entity::find().one(gw.running.gateway.database.reader()).await.unwrap().unwrap();
    assert_eq!((window.metric, window.used), (Metric::TokensOut, 20));
}

#[tokio::test]
async fn what_was_spent_beyond_a_lease_does_not_outlast_its_window() {
    let gw = InTime::at("2026-11-30T23:59:58Z").await;
    gw.fleet.budget("month", "0.02", Enforcement::Standard).await;
    // Thrice as long an answer as was asked for.
    gw.sim.script(Script::default().usage(7, 30));
    assert_eq!([gw.call().await, gw.call().await], [200, 402]);
    gw.clock.advance(Duration::from_secs(2));
    settled(&gw.running.gateway).await;
    assert_eq!(gw.windows().await[0].3, 30_000_000);
}

#[tokio::test]
async fn capacity_that_the_database_did_not_take_back_is_not_lost() {
    let gw = TestGateway::start().await;
    with_model(&gw).await;
    gw.fleet.budget("month", "0.05", Enforcement::Standard).await;
    assert_eq!(gw.chat(&cent()).await.status, 200);
    gw.only_record().await;
    let db = gw.running.gateway.database.writer();
    db.execute_unprepared("ALTER TABLE ledger_lease RENAME TO away").await.unwrap();
    // Long enough for what is idle to be given back, in vain.
    tokio::time::sleep(Duration::from_secs(4)).await;
    db.execute_unprepared("ALTER TABLE away RENAME TO ledger_lease").await.unwrap();
    settled(&gw.running.gateway).await;
    for _ in 0..4 {
        assert_eq!(gw.chat(&cent()).await.status, 200);
    }
    gw.chat(&cent()).await.expect_error(402, "budget_exceeded");
    settled(&gw.running.gateway).await;
}

#[tokio::test]
async fn what_is_left_rolls_over_once() {
    let gw = InTime::at("2026-11-30T12:00:00Z").await;
    let id = gw.fleet.budget("rolling", "0.04", Enforcement::Standard).await;
    let created_at = Set("2026-11-30T11:00:00Z".parse().unwrap());
    let rolling =
        budget::ActiveModel { rollover: Set(true), period: Set(Period::Daily), created_at, ..Default::default() };
    gw.change(id, rolling).await;
    assert_eq!(gw.call().await, 200);
    gw.clock.advance(Duration::from_secs(24 * 3_600));
    eventually("yesterday's lease to be given back", || async {
        let leases = ledger_lease::Entity::find().all(gw.running.gateway.database.reader()).await.unwrap();
        leases.is_empty().then_some(())
    })
    .await;
    // Three of yesterday's four cents are left. Of the day before, when there was no budget, nothing is.
    for n in 0..7 {
        assert_eq!(gw.call().await, 200, "{n}");
    }
    assert_eq!(gw.call().await, 402);
    settled(&gw.running.gateway).await;
    let windows = gw.windows().await;
    assert_eq!((windows[0].2, windows[1].2), (40_000_000, 70_000_000));
}

#[tokio::test]
async fn the_webhook_is_told_once_and_signed() {
    let receiver = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", receiver.local_addr().unwrap());
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel::<(String, Value)>();
    let app = axum::Router::new().route(
        "/hook",
        axum::routing::post(move |headers: axum::http::HeaderMap, body: String| {
            let told = told.clone();
            async move {
                let signature = headers["odock-signature"].to_str().unwrap().to_owned();
                // The first attempt is refused, and made again.
                let first = !told.is_closed() && body.contains("\"threshold\":50") && TRIES.fetch_add(1, SeqCst) == 0;
                if first {
                    return axum::http::StatusCode::SERVICE_UNAVAILABLE;
                }
                told.send((signature, serde_json::from_str(&body).unwrap())).unwrap();
                axum::http::StatusCode::NO_CONTENT
            }
        }),
    );
    use std::sync::atomic::Ordering::SeqCst;
    static TRIES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    tokio::spawn(async move { axum::serve(receiver, app).await.unwrap() });
    let gw = TestGateway::start_with(|config| {
        config.ledger.worker_interval = Duration::from_millis(100);
        let secret = "whsec-0123456789".to_owned().into();
        config.ledger.webhook = Some(odock_gateway::config::Webhook { url: url.parse().unwrap(), secret });
    })
    .await;
    with_model(&gw).await;
    gw.fleet.budget("watched", "0.04", Enforcement::Standard).await;
    for _ in 0..4 {
        assert_eq!(gw.chat(&cent()).await.status, 200);
    }
    let mut thresholds = Vec::new();
    for _ in 0..2 {
        let told = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap();
        let (signature, event) = told;
        assert!(signature.starts_with("t=") && signature.contains(",v1="), "{signature}");
        assert_eq!((event["kind"].as_str(), event["name"].as_str()), (Some("budget"), Some("watched")));
        assert_eq!((event["organisation"].as_str(), event["limit"].as_i64()), (Some("acme"), Some(40_000_000)));
        thresholds.push(event["threshold"].as_i64().unwrap());
    }
    thresholds.sort_unstable();
    assert_eq!(thresholds, [50, 100]);
    eventually("both events to be noted as taken", || async {
        let events = ledger_event::Entity::find().all(gw.running.gateway.database.reader()).await.unwrap();
        events.iter().all(|event| event.delivered_at.is_some()).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(heard.try_recv().is_err(), "told again");
}

#[tokio::test]
async fn verification_finds_what_was_tampered_with() {
    let gw = TestGateway::start().await;
    with_model(&gw).await;
    gw.fleet.budget("month", "1", Enforcement::Standard).await;
    for _ in 0..3 {
        assert_eq!(gw.chat(&cent()).await.status, 200);
    }
    settled(&gw.running.gateway).await;
    let db = gw.running.gateway.database.writer();
    ledger_window::Entity::update_many()
        .col_expr(ledger_window::Column::Used, Expr::value(1_i64))
        .exec(db)
        .await
        .unwrap();
    usage_record::Entity::delete_many()
        .filter(usage_record::Column::Id.eq(gw.records().await[0].id))
        .exec(db)
        .await
        .unwrap();
    let found = ledger::verify(&gw.running.gateway.database, Some(gw.fleet.organisation), None).await.unwrap();
    let figures: Vec<(&str, i64, i64)> =
        found.differences.iter().map(|it| (it.figure.as_str(), it.recorded, it.expected)).collect();
    assert_eq!(figures[0], ("used", 1, 20_000_000));
    for span in ["60 s", "3600 s", "86400 s"] {
        assert!(found.differences.iter().any(|it| it.subject.contains(span) && it.figure == "requests"), "{found:?}");
    }
    let other = ledger::verify(&gw.running.gateway.database, Some(entity::OrganisationId::new()), None).await.unwrap();
    assert_eq!((other.windows, other.records, other.differences.len()), (0, 0, 0), "others' books are not looked at");
}

#[tokio::test]
async fn old_records_go_and_their_sums_stay() {
    let gw = TestGateway::start_with(|config| {
        config.ledger.worker_interval = Duration::from_millis(100);
        config.usage.retention = Some(Duration::from_secs(86_400));
    })
    .await;
    with_model(&gw).await;
    assert_eq!(gw.chat(&cent()).await.status, 200);
    let young = gw.only_record().await;
    let old = gw.record_on_the_wire().await;
    let two_days = 2 * 86_400 * 1_000_000;
    let gateway = &gw.running.gateway;
    let mut stay = BTreeSet::from([young.id]);
    let mut records = Vec::new();
    // And those of many others, who are no more: each has an old one and a young one.
    let others = std::iter::repeat_with(entity::OrganisationId::new).take(60);
    for organisation_id in std::iter::once(old.organisation_id).chain(others) {
        for at in [Timestamp(young.at.0 - two_days), young.at] {
            let id = entity::UsageRecordId::new();
            if at == young.at {
                stay.insert(id);
            }
            let record =
                entity::usage::UsageRecord { id, request_id: id.to_string(), at, organisation_id, ..old.clone() };
            records.push(Arc::new(Written::new(&record).unwrap()));
        }
    }
    store::usage_records::commit(&gateway.database, &gateway.ledger, &records).await.unwrap();
    let ids = || async {
        let all = usage_record::Entity::find().all(gateway.database.reader()).await.unwrap();
        all.iter().map(|record| record.id).collect::<BTreeSet<_>>()
    };
    eventually("the old records to go", || async { (ids().await == stay).then_some(()) }).await;
    let kept = Some(Timestamp(Timestamp::now().0 - 86_400 * 1_000_000));
    let verified = ledger::verify(&gateway.database, None, kept).await.unwrap();
    assert_eq!(verified.differences, []);
    let all = ledger::verify(&gateway.database, None, None).await.unwrap();
    let left = "its sums by minute, hour and day, those of hour and day without keys, and the days of keys and users are there";
    assert_eq!(all.differences.len(), 7, "{left}: {all:?}");
}

#[tokio::test]
async fn every_metric_counts_what_the_records_say() {
    let gw = TestGateway::start().await;
    with_model(&gw).await;
    for metric in Metric::ALL {
        gw.fleet.quota(metric.as_str(), *metric, 1_000_000_000_000).await;
    }
    for _ in 0..3 {
        assert_eq!(gw.chat(&cent()).await.status, 200);
    }
    gw.sim.enqueue(Script::default().status(500));
    assert_eq!(gw.chat(&cent()).await.status, 500);
    // Refused by the gateway: counted nowhere.
    assert_eq!(gw.chat(&json!({ "model": "unknown", "messages": [] })).await.status, 400);
    eventually("five records", || async { (gw.records().await.len() == 5).then_some(()) }).await;
    settled(&gw.running.gateway).await;
    let windows = ledger_window::Entity::find().all(gw.running.gateway.database.reader()).await.unwrap();
    let used = |metric: Metric| windows.iter().find(|window| window.metric == metric).unwrap().used;
    let records = gw.records().await;
    let sent: Vec<_> = records.iter().filter(|record| record.dispatched).collect();
    assert_eq!(sent.len(), 4);
    assert_eq!((used(Metric::Requests), used(Metric::Errors), used(Metric::Cost)), (4, 1, 30_000_000));
    assert_eq!((used(Metric::TokensIn), used(Metric::TokensOut), used(Metric::Tokens)), (21, 30, 51));
    assert_eq!(used(Metric::LatencyMs), sent.iter().map(|record| record.latency_us / 1_000).sum::<i64>());
}

#[tokio::test]
async fn each_request_is_billed_by_the_list_of_its_arrival() {
    let gw = InTime::at("2026-12-31T23:59:59Z").await;
    let model = model::Entity::find()
        .filter(model::Column::Name.eq("dear"))
        .one(gw.fleet.gateway.database.reader())
        .await
        .unwrap()
        .unwrap();
    let from: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    let output = ClassPrices { text_cost_per_1k_tokens: Some("2".parse().unwrap()), ..Default::default() };
    let change = PriceChange { from, pricing: Pricing { output, ..Default::default() } };
    let row = model::ActiveModel {
        id: Set(model.id),
        price_changes: Set(Some(PriceChanges(vec![change]))),
        ..Default::default()
    };
    row.update(gw.fleet.gateway.database.writer()).await.unwrap();
    gw.fleet.gateway.invalidate(&[model.id.0]).await;
    assert_eq!(gw.call().await, 200);
    gw.clock.advance(Duration::from_secs(1));
    assert_eq!(gw.call().await, 200);
    let records = eventually("both records", || async {
        let rows = usage_record::Entity::find()
            .order_by_asc(usage_record::Column::At)
            .all(gw.running.gateway.database.reader())
            .await
            .unwrap();
        (rows.len() == 2).then_some(rows)
    })
    .await;
    let bills: Vec<_> = records.into_iter().map(|record| record.bill.unwrap()).collect();
    assert_eq!((bills[0].total_nanos, bills[0].prices_from), (10_000_000, None));
    assert_eq!((bills[1].total_nanos, bills[1].prices_from), (20_000_000, Some(from)));
    assert!(bills.iter().all(entity::pricing::Bill::adds_up));
}
