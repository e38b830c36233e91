//! `POST /v1/keys/validate`: is this virtual key valid, and what is it?

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::dialect::Dialect;
use crate::gateway::Gateway;
use crate::pipeline::{Received, identify_only};
use crate::providers::Family;

/// Says what the presented key is. Refusals are those of traffic.
pub(super) async fn validate(State(gw): State<Gateway>, request: Request<Body>) -> Response {
    let received = Received::new(&gw, "/v1/keys/validate", Dialect(Family::OpenAi), request);
    let case = received.case();
    match identify_only(&gw, received).await {
        Ok(cleared) => {
            let principal = cleared.principal();
            Json(json!({
                "valid": true,
                "organisation": principal.organisation,
                "key": { "id": principal.key_id, "name": principal.key, "type": principal.key_type },
                "team": principal.team.as_ref().map(|(_, name)| name),
                "user": principal.user.as_ref().map(|(_, email)| email),
                "expiresAt": principal.expires_at,
                "models": principal.models.keys().collect::<Vec<_>>(),
            }))
            .into_response()
        }
        Err(error) => case.dialect.error(&error, case.request_id()),
    }
}
