//! Stores that are locked or gone: cached traffic goes on, the rest is told so, and nothing is lost.

use std::time::Duration;

use entity::Timestamp;
use entity::row::api_key;
use odock_gateway::config;
use sea_orm::ActiveValue::Set;
use sea_orm::{ConnectionTrait, EntityTrait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{RedisServer, TestGateway, chat, eventually, stream};

#[tokio::test]
async fn a_locked_database_holds_up_records_and_nothing_else() {
    let gw = TestGateway::start().await;
    if gw.stack.is_shared() {
        // It is about SQLite's one lock.
        return;
    }
    assert_eq!(gw.chat(&chat("fast")).await.status, 200);
    gw.only_record().await;
    let path = gw.stack.config("a").data.dir.join("odock.db");
    let other = sea_orm::Database::connect(format!("sqlite://{}", path.display())).await.unwrap();
    other.execute_unprepared("BEGIN EXCLUSIVE").await.unwrap();
    let mut ids = Vec::new();
    for body in [chat("fast"), stream("fast"), chat("fast")] {
        let answer = gw.chat(&body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        ids.push(answer.request_id());
    }
    assert_eq!(gw.running.gateway.usage.backlog().0, 3);
    other.execute_unprepared("COMMIT").await.unwrap();
    for id in &ids {
        gw.record(id).await;
    }
}

#[tokio::test]
async fn what_is_not_cached_gets_503_while_the_database_cannot_say() {
    let gw = TestGateway::start().await;
    assert_eq!(gw.chat(&chat("fast")).await.status, 200);
    let db = gw.running.gateway.database.writer();
    db.execute_unprepared("ALTER TABLE api_key RENAME TO api_key_away").await.unwrap();
    assert_eq!(gw.chat(&chat("fast")).await.status, 200, "cached traffic goes on");
    // Neither this process nor Redis has it any more.
    gw.running.gateway.epochs.all_changed();
    gw.running.gateway.hot.all_changed().await.unwrap();
    let refused = gw.chat(&chat("fast")).await;
    refused.expect_error(503, "model_access_unavailable");
    assert!(!refused.text().contains("api_key"), "nothing of the database leaks: {}", refused.text());
    db.execute_unprepared("ALTER TABLE api_key_away RENAME TO api_key").await.unwrap();
    db.execute_unprepared("ALTER TABLE model RENAME TO model_away").await.unwrap();
    // The key's own facts name the models too, so they are read first.
    gw.chat(&chat("fast")).await.expect_error(503, "model_access_unavailable");
    db.execute_unprepared("ALTER TABLE model_away RENAME TO model").await.unwrap();
    assert_eq!(gw.chat(&chat("fast")).await.status, 200);
}

#[tokio::test]
async fn without_redis_cached_traffic_goes_on_and_revocations_hold_ever_after() {
    let Some(mut server) = RedisServer::start().await else { return };
    let gw = TestGateway::start_with(|config| {
        config.redis = Some(config::Redis {
            url: config::RedisUrl::parse(&server.url()).unwrap(),
            connections: 2,
            dial_timeout: Duration::from_secs(2),
            command_timeout: Duration::from_millis(500),
            key_prefix: "o".into(),
        });
    })
    .await;
    assert_eq!(gw.chat(&chat("fast")).await.status, 200);
    server.stop().await;
    eventually("the bus to be down", || async { (!gw.running.gateway.hot.bus_is_up()).then_some(()) }).await;
    let answers = futures_util::future::join_all((0..20).map(|_| async { gw.chat(&chat("fast")).await.status })).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    // Behind everybody's back: nobody can be told.
    let change =
        api_key::ActiveModel { id: Set(gw.fleet.key), revoked_at: Set(Some(Timestamp::now())), ..Default::default() };
    api_key::Entity::update(change).exec(gw.running.gateway.database.writer()).await.unwrap();
    eventually("the revocation to be noticed", || async { (gw.chat(&chat("fast")).await.status == 401).then_some(()) })
        .await;
    server.start_again().await;
    eventually("the bus to be back", || async { gw.running.gateway.hot.bus_is_up().then_some(()) }).await;
    for _ in 0..10 {
        gw.chat(&chat("fast")).await.expect_error(401, "api_key_revoked");
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_refuses_requests_until_it_can() {
    let gw = TestGateway::start().await;
    assert_eq!(gw.chat(&chat("fast")).await.status, 200);
    gw.only_record().await;
    let usage = &gw.running.gateway.usage;
    let dir = gw.stack.config("a").data.dir.join("journal");
    // A directory where the next segment should be stops even root; enough records close the present one.
    let obstacle = dir.join("000000000002.journal");
    std::fs::create_dir(&obstacle).unwrap();
    let record = gw.record_on_the_wire().await;
    while usage.has_room() {
        usage.closed(&std::sync::Arc::new(entity::usage::UsageRecord {
            id: entity::UsageRecordId::new(),
            request_id: uuid::Uuid::now_v7().to_string(),
            model: Some("x".repeat(200_000)),
            ..record.clone()
        }));
    }
    gw.chat(&chat("fast")).await.expect_error(503, "overloaded");
    std::fs::remove_dir(&obstacle).unwrap();
    eventually("requests to be served again", || async { (gw.chat(&chat("fast")).await.status == 200).then_some(()) })
        .await;
    eventually("everything to reach the database", || async { (usage.backlog().0 == 0).then_some(()) }).await;
}

#[tokio::test]
async fn peers_that_say_nothing_or_almost_nothing_are_sent_away() {
    let gw = TestGateway::start_with(|config| {
        config.http.read_timeout = Duration::from_millis(300);
        config.http.idle_timeout = Duration::from_millis(300);
    })
    .await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 9000\r\n\r\n{{",
        gw.fleet.secret
    );
    for said in ["", "PRI * HT", "GET /v1/health HT", &head] {
        let mut socket = tokio::net::TcpStream::connect(gw.running.address).await.unwrap();
        socket.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut answer)).await;
        assert!(end.is_ok(), "{said:?} kept the connection");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn old_and_hasty_clients_are_served() {
    let gw = TestGateway::start().await;
    let body = stream("fast").to_string();
    let request = |version: &str, more: &str| {
        let (secret, length) = (&gw.fleet.secret, body.len());
        format!(
            "POST /v1/chat/completions HTTP/{version}\r\nhost: x\r\nauthorization: Bearer {secret}\r\ncontent-length: {length}\r\n{more}\r\n{body}"
        )
    };
    let close = "connection: close\r\n";
    for (sent, done) in [(request("1.0", ""), 1), (request("1.1", "") + &request("1.1", close), 2)] {
        let mut socket = tokio::net::TcpStream::connect(gw.running.address).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(Duration::from_secs(5), socket.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer.matches("data: [DONE]").count(), done, "{answer}");
    }
    eventually("a record each", || async { (gw.records().await.len() == 3).then_some(()) }).await;
}
