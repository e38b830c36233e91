//! Usage is never lost.

use entity::row::usage_record;
use entity::usage::UsageRecord;
use sea_orm::{ConnectionTrait, EntityTrait};

use crate::support::{TestGateway, chat, eventually};

#[tokio::test]
async fn records_wait_on_disk_while_the_database_refuses_and_arrive_when_it_is_back() {
    let gw = TestGateway::start().await;
    assert_eq!(gw.chat(&chat("fast")).await.status, 200);
    gw.only_record().await;
    let db = gw.running.gateway.database.writer();
    db.execute_unprepared("ALTER TABLE usage_record RENAME TO usage_record_away").await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let answer = gw.chat(&chat("fast")).await;
        assert_eq!(answer.status, 200, "cached traffic goes on");
        ids.push(answer.request_id());
    }
    let (waiting, bytes) = gw.running.gateway.usage.backlog();
    assert!(waiting >= 5 && bytes > 0);
    db.execute_unprepared("ALTER TABLE usage_record_away RENAME TO usage_record").await.unwrap();
    for id in &ids {
        gw.record(id).await;
    }
    assert_eq!(gw.records().await.len(), 6);
    eventually("the journal to be empty of waiting records", || async {
        (gw.running.gateway.usage.backlog().0 == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_orderly_stop_leaves_nothing_in_the_journal() {
    let gw = TestGateway::start().await;
    for _ in 0..3 {
        gw.chat(&chat("fast")).await;
    }
    let config = gw.stack.config("a");
    let dir = config.data.dir.join("journal");
    gw.running.stop().await;
    let left: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
    // What is left is a lock; what was there is in the database, once each.
    let database = odock_gateway::store::Database::connect(&config.database).await.unwrap();
    let rows = usage_record::Entity::find().all(database.reader()).await.unwrap();
    assert_eq!(rows.len(), 3);
}

#[tokio::test]
async fn a_record_that_the_database_refuses_does_not_hold_up_the_others() {
    let gw = TestGateway::start().await;
    let first = gw.chat(&chat("fast")).await.request_id();
    let row = gw.record(&first).await;
    // The same request id from another time, as after the claims have expired.
    let mut twin: UsageRecord = serde_json::from_value(serde_json::json!({
        "id": entity::UsageRecordId::new(), "requestId": first, "at": row.at, "organisationId": row.organisation_id,
        "organisation": "acme", "apiKeyId": row.api_key_id, "apiKey": "ci", "endpoint": "/v1/chat/completions", "stream": false,
        "outcome": "ok", "status": 200, "tokens": {}, "usageSource": "missing", "latencyUs": 1, "overheadUs": 1
    }))
    .unwrap();
    gw.running.gateway.usage.closed(&std::sync::Arc::new(twin.clone()));
    twin.id = entity::UsageRecordId::new();
    twin.request_id = "nul-\u{0}-byte".into();
    gw.running.gateway.usage.closed(&std::sync::Arc::new(twin.clone()));
    let last = gw.chat(&chat("fast")).await.request_id();
    gw.record(&last).await;
    let rows = gw.records().await;
    let renamed = rows.iter().find(|row| row.metadata.inbound_request_id.as_deref() == Some(&first));
    assert!(renamed.is_some(), "the second record under one id got an id of its own");
}
