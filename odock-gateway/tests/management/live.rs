//! The live stream: what happens, to whom it concerns, for as long as the token is good.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use entity::OrganisationId;
use entity::row::ledger_window;
use entity::vocab::{LimitKind, Metric, OwnerType};
use futures_util::StreamExt;
use http::{Method, Request, header};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::support::Api;

/// A subscription.
struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(api: &Api, path: &str, token: &str) -> Self {
        let request = Request::builder().uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let response = api.open(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut stream = Self { body: response.into_body().into_data_stream(), text: String::new() };
        assert!(stream.piece().await.unwrap().starts_with(':'), "the stream greets");
        stream
    }

    /// The next event or comment; `None` at the end.
    async fn piece(&mut self) -> Option<String> {
        loop {
            if let Some((piece, rest)) = self.text.split_once("\n\n") {
                let (piece, rest) = (piece.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(piece);
            }
            let next =
                tokio::time::timeout(Duration::from_secs(20), self.body.next()).await.expect("the stream stalls");
            self.text.push_str(std::str::from_utf8(&next?.unwrap()).unwrap());
        }
    }

    /// The data of the next event of this name.
    async fn event(&mut self, name: &str) -> Value {
        loop {
            let piece = self.piece().await.expect("the stream ended");
            if let Some(data) = piece.strip_prefix(&format!("event: {name}\ndata: ")) {
                return serde_json::from_str(data).unwrap();
            }
        }
    }

    async fn ends(mut self) {
        while self.piece().await.is_some() {}
    }
}

async fn finish(api: &Api, organisation: &str, key: &str, model: &str) {
    let id = api.get(&format!("/api/organisations/{organisation}"), Some(&api.root)).await.expect(200).text("/id");
    let id: OrganisationId = id.parse().unwrap();
    let record = json!({
        "id": uuid::Uuid::now_v7(), "requestId": uuid::Uuid::now_v7().to_string(), "at": "2026-01-01T00:00:00Z",
        "organisationId": id, "organisation": organisation, "apiKeyId": uuid::Uuid::now_v7(), "apiKey": key, "model": model,
        "endpoint": "/v1/chat/completions", "stream": false, "outcome": "ok", "status": 200, "tokens": {},
        "usageSource": "missing", "latencyUs": 1, "overheadUs": 1,
    });
    api.gateway.live.finished(&Arc::new(serde_json::from_value(record).unwrap()));
}

#[tokio::test]
async fn requests_and_ticks_arrive_where_they_belong() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let mut own = Stream::open(&api, "/api/organisations/acme/live", &ada).await;
    let mut all = Stream::open(&api, "/api/admin/live", &api.root).await;
    let mut fast = Stream::open(&api, "/api/organisations/acme/live?model=fast&key=ci", &ada).await;
    let mut ticks = Stream::open(&api, "/api/organisations/acme/live?requests=false", &ada).await;
    finish(&api, "globex", "theirs", "fast").await;
    finish(&api, "acme", "ci", "large").await;
    finish(&api, "acme", "ci", "fast").await;
    assert_eq!(own.event("request").await["model"], "large", "another organisation's requests stay there");
    assert_eq!(all.event("request").await["apiKey"], "theirs");
    assert_eq!(fast.event("request").await["model"], "fast");
    loop {
        let tick = ticks.event("tick").await;
        if tick["totals"]["requests"] != 0 {
            assert_eq!(tick["totals"]["requests"], 2);
            break;
        }
    }
}

#[tokio::test]
async fn requests_of_one_node_are_streamed_by_another() {
    let a = Api::with_organisations().await;
    let Some(b) = a.another().await else { return };
    let mut stream = Stream::open(&b, "/api/organisations/acme/live", &a.root).await;
    crate::support::eventually("the node to know that another watches", || async {
        a.gateway.live.is_wanted().then_some(())
    })
    .await;
    finish(&a, "globex", "theirs", "fast").await;
    finish(&a, "acme", "ours", "fast").await;
    assert_eq!(stream.event("request").await["apiKey"], "ours");
}

#[tokio::test]
async fn a_threshold_is_told_once_on_every_node_to_those_who_see_all_limits() {
    let a = Api::start_with(|config| config.ledger.worker_interval = Duration::from_millis(100)).await;
    for name in ["acme", "globex"] {
        a.post("/api/admin/organisations", Some(&a.root), json!({"name": name, "spec": {}})).await.expect(201);
    }
    let b = a.another_with(|config| config.ledger.worker_interval = Duration::from_millis(100)).await;
    let ada = a.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let user = a.member("acme", "user@acme.example", "USER").await;
    let eve = a.member("globex", "eve@globex.example", "ORG_ADMIN").await;
    let path = |organisation: &str| format!("/api/organisations/{organisation}/live");
    let mut streams =
        vec![Stream::open(&a, &path("acme"), &ada).await, Stream::open(&a, "/api/admin/live", &a.root).await];
    if let Some(b) = &b {
        streams.push(Stream::open(b, &path("acme"), &ada).await);
        // The other node hears of it with its next beat.
        crate::support::eventually("nodes to know of each other's watchers", || async {
            (a.gateway.hot.live_wanted() && b.gateway.hot.live_wanted()).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let mut others = vec![Stream::open(&a, &path("acme"), &user).await, Stream::open(&a, &path("globex"), &eve).await];
    let limit =
        json!({"owner": {"type": "ORG"}, "period": "DAILY", "metric": "REQUESTS", "limit": 4, "thresholds": [50, 100]});
    a.create("quotas", "four", limit).await.expect(201);
    let quota = a.acme(Method::GET, "quotas/four", None).await.expect(200).text("/id");
    let now = entity::Timestamp::now();
    let window = ledger_window::Model {
        id: entity::WindowId::new(),
        organisation_id: crate::usage::organisation(&a, "acme").await,
        kind: LimitKind::Quota,
        limit_id: quota.parse().unwrap(),
        owner_type: OwnerType::Org,
        owner_id: uuid::Uuid::now_v7(),
        metric: Metric::Requests,
        starts_at: now,
        ends_at: now.plus(Duration::from_secs(3_600)),
        limit_value: 4,
        used: 3,
        asks: 0,
        created_at: now,
        updated_at: now,
    };
    let db = a.gateway.database.writer();
    window.clone().into_active_model().insert(db).await.unwrap();
    for stream in &mut streams {
        let told = stream.event("threshold").await;
        assert_eq!((&told["name"], &told["threshold"], &told["limit"]), (&json!("four"), &json!(50), &json!(4)));
    }
    let more = ledger_window::ActiveModel {
        id: Set(window.id),
        used: Set(5),
        updated_at: Set(entity::Timestamp::now()),
        ..Default::default()
    };
    more.update(db).await.unwrap();
    for stream in &mut streams {
        let told = stream.event("threshold").await;
        assert_eq!((&told["threshold"], &told["used"]), (&json!(100), &json!(5)), "each once: {told}");
    }
    finish(&a, "acme", "ci", "fast").await;
    finish(&a, "globex", "ci", "fast").await;
    for stream in &mut others {
        loop {
            let piece = stream.piece().await.unwrap();
            assert!(!piece.starts_with("event: threshold"), "{piece}");
            if piece.starts_with("event: tick") || piece.starts_with(": heartbeat") {
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_stream_ends_with_the_token() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let stream = Stream::open(&api, "/api/organisations/acme/live", &ada).await;
    api.send(Method::POST, "/api/auth/sign-out", Some(&ada), None).await.expect(204);
    stream.ends().await;

    let ada = api.sign_in("ada@acme.example").await;
    let stream = Stream::open(&api, "/api/organisations/acme/live", &ada).await;
    let demoted = json!({"role": "USER"});
    api.patch("/api/organisations/acme/users/ada@acme.example", Some(&api.root), demoted).await.expect(200);
    stream.ends().await;
}

#[tokio::test]
async fn the_stream_ends_with_the_gateway() {
    let api = Api::with_organisations().await;
    let stream = Stream::open(&api, "/api/admin/live", &api.root).await;
    api.gateway.stopping.cancel();
    stream.ends().await;
}

#[tokio::test]
async fn a_slow_reader_is_told_what_it_missed() {
    let api = Api::with_organisations().await;
    let mut stream = Stream::open(&api, "/api/admin/live", &api.root).await;
    for _ in 0..4_200 {
        finish_cheaply(&api);
    }
    let gap = stream.event("gap").await;
    assert!(gap["missed"].as_u64().unwrap() >= 100, "{gap}");
}

fn finish_cheaply(api: &Api) {
    use std::sync::LazyLock;
    static RECORD: LazyLock<Arc<entity::usage::UsageRecord>> = LazyLock::new(|| {
        let id = uuid::Uuid::now_v7();
        let record = json!({
            "id": id, "requestId": "r", "at": "2026-01-01T00:00:00Z", "organisationId": id, "organisation": "o", "apiKeyId": id,
            "apiKey": "k", "endpoint": "/v1/chat/completions", "stream": false, "outcome": "ok", "status": 200, "tokens": {},
            "usageSource": "missing", "latencyUs": 1, "overheadUs": 1,
        });
        Arc::new(serde_json::from_value(record).unwrap())
    });
    api.gateway.live.finished(&RECORD);
}
