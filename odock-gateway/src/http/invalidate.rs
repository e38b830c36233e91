//! Invalidation from outside: for writers that change the database behind the gateway's back.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::gateway::Gateway;
use crate::hot::Subject;

/// What has changed: some subjects, or anything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Command {
    /// Ids of organisations, teams, users, providers, models and keys. Empty or absent: anything may have changed.
    #[serde(default)]
    subjects: Vec<Subject>,
}

/// Makes cached facts stale on every node. The secret goes into `Authorization: Bearer`.
pub(super) async fn invalidate(State(gw): State<Gateway>, headers: HeaderMap, request: Request) -> StatusCode {
    let Some(secret) = &gw.config.cache.invalidation_secret else { return StatusCode::NOT_FOUND };
    let presented =
        headers.get(http::header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if verify_slices_are_equal(presented.unwrap_or_default(), secret.expose_secret().as_bytes()).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    // Read only now: strangers send nothing.
    let reading = tokio::time::timeout(gw.config.http.read_timeout, Json::<Command>::from_request(request, &()));
    let Ok(Ok(Json(command))) = reading.await else { return StatusCode::BAD_REQUEST };
    if command.subjects.is_empty() {
        gw.epochs.all_changed();
        return match gw.hot.all_changed().await {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
    }
    gw.invalidate(&command.subjects).await;
    StatusCode::NO_CONTENT
}
