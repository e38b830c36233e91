//! Is the process up, and can it work?

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use crate::gateway::Gateway;

/// How long a dependency may take to give a sign of life.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process is up. Touches no dependency.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The process can work: its database and hot store answer. Says which one does not.
pub(super) async fn ready(State(gw): State<Gateway>) -> (StatusCode, Json<Value>) {
    let (database, hot) =
        tokio::join!(tokio::time::timeout(PATIENCE, gw.database.ping()), tokio::time::timeout(PATIENCE, gw.hot.ping()));
    let (database, hot) = (matches!(database, Ok(Ok(()))), matches!(hot, Ok(Ok(()))) && gw.hot.bus_is_up());
    let word = |ok| if ok { "ok" } else { "unavailable" };
    let stopping = gw.stopping.is_cancelled();
    let ready = database && hot && !stopping;
    let body = json!({
        "status": if stopping { "stopping" } else { word(ready) },
        "database": { "kind": gw.database.kind(), "status": word(database) },
        "hotStore": { "kind": gw.hot.kind(), "status": word(hot) },
    });
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}
