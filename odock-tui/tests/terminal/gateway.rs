//! A gateway that can be killed: acme's keys, and traffic that never ends.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use entity::Timestamp;
use entity::ledger::LimitStatuses;
use entity::page::Page;
use entity::resource::{ApiKey, Budget, IssuedApiKey, Overlay, Provider, Quota, RotateApiKey};
use entity::usage::UsageRecord;
use futures_util::{Stream, stream};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::support;

/// The secret that it gives out.
pub const SECRET: &str = "sk-odock-fresh-from-the-gateway";

#[derive(Clone, Default)]
struct Store {
    keys: Arc<Mutex<Vec<ApiKey>>>,
    changes: Arc<Mutex<Vec<String>>>,
    requests: Arc<AtomicU64>,
}

pub struct Gateway {
    address: SocketAddr,
    store: Store,
    alive: Mutex<Option<Runtime>>,
}

impl Gateway {
    /// A gateway on a free port.
    pub fn start() -> Self {
        let store = Store::default();
        *store.keys.lock().unwrap() = support::keys();
        let gateway = Self { address: free(), store, alive: Mutex::new(None) };
        gateway.rise();
        gateway
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was changed, in order.
    pub fn changes(&self) -> Vec<String> {
        self.store.changes.lock().unwrap().clone()
    }

    /// Listens, at the same address as before.
    pub fn rise(&self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(self.address)).unwrap();
        let router = router(self.store.clone());
        runtime.spawn(async move { axum::serve(listener, router).await });
        *self.alive.lock().unwrap() = Some(runtime);
    }

    /// Hangs up on everybody and listens no more.
    pub fn die(&self) {
        if let Some(runtime) = self.alive.lock().unwrap().take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.die();
    }
}

fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn router(store: Store) -> Router {
    Router::new()
        .route("/api/whoami", get(|| async { Json(support::whoami()) }))
        .route("/api/version", get(|| async { Json(support::version()) }))
        .route("/api/organisations/acme/apikeys", get(keys))
        .route("/api/organisations/acme/apikeys/{name}", get(key))
        .route("/api/organisations/acme/apikeys/{name}/history", get(|| async { page(support::rotations()) }))
        .route("/api/organisations/acme/apikeys/{name}/rotate", post(rotate))
        .route("/api/organisations/acme/apikeys/{name}/revoke", post(revoke))
        .route("/api/organisations/acme/usage", get(|| async { page(Vec::<UsageRecord>::new()) }))
        .route("/api/organisations/acme/usage/summary", get(summary))
        .route(
            "/api/organisations/acme/limits",
            get(|| async { Json(LimitStatuses { items: support::limits::statuses() }) }),
        )
        .route("/api/organisations/acme/budgets", get(|| async { page::<Budget>(vec![support::limits::budget()]) }))
        .route("/api/organisations/acme/quotas", get(|| async { page::<Quota>(vec![support::limits::quota()]) }))
        .route("/api/organisations/acme/overlays", get(|| async { page::<Overlay>(support::limits::overlays()) }))
        .route("/api/organisations/acme/providers", get(|| async { page::<Provider>(support::providers::all()) }))
        .route(
            "/api/organisations/acme/providers/{name}/test",
            post(|Path(name): Path<String>| async move { Json(support::providers::test(&name)) }),
        )
        .route("/api/organisations/acme/live", get(live))
        .with_state(store)
}

fn page<T: serde::Serialize>(items: Vec<T>) -> Json<Page<T>> {
    Json(Page { items, next_cursor: None })
}

async fn keys(State(store): State<Store>) -> Json<Page<ApiKey>> {
    page(store.keys.lock().unwrap().clone())
}

async fn key(State(store): State<Store>, Path(name): Path<String>) -> axum::response::Response {
    match store.keys.lock().unwrap().iter().find(|key| key.name == name) {
        Some(key) => Json(key).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn rotate(
    State(store): State<Store>,
    Path(name): Path<String>,
    Json(how): Json<RotateApiKey>,
) -> Json<IssuedApiKey> {
    store.changes.lock().unwrap().push(format!("rotate {name} {}", how.overlap_seconds));
    let key = changed(&store, &name, |key| key.status.rotations += 1);
    Json(IssuedApiKey { key, secret: Some(SECRET.to_owned()) })
}

async fn revoke(State(store): State<Store>, Path(name): Path<String>) -> Json<ApiKey> {
    store.changes.lock().unwrap().push(format!("revoke {name}"));
    Json(changed(&store, &name, |key| key.status.revoked_at = Some(Timestamp::now())))
}

fn changed(store: &Store, name: &str, change: impl FnOnce(&mut ApiKey)) -> ApiKey {
    let mut keys = store.keys.lock().unwrap();
    let key = keys.iter_mut().find(|key| key.name == name).unwrap();
    change(key);
    key.revision += 1;
    key.clone()
}

async fn summary() -> Json<Value> {
    Json(serde_json::to_value(support::summary(Timestamp(0), Timestamp::now())).unwrap())
}

/// Five times a second a request, once a second a tick.
async fn live(State(store): State<Store>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold(0_u64, move |step| {
        let store = store.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(if step < 6 { 1 } else { 200 })).await;
            let event = if step % 5 == 4 {
                let mut tick = support::tick(i64::try_from(step).unwrap());
                tick.at = Timestamp::now();
                Event::default().event("tick").json_data(&tick)
            } else {
                let number = store.requests.fetch_add(1, Ordering::SeqCst);
                Event::default().event("request").json_data(support::record(number, Timestamp::now()))
            };
            Some((Ok(event.unwrap()), step + 1))
        }
    });
    Sse::new(events)
}
