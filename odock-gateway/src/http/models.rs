//! `GET /v1/models`: the models that a key may call, as OpenAI lists models.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::dialect::Dialect;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::models::Target;
use crate::pipeline::{Received, identify_only};
use crate::providers::Family;

const ENDPOINT: &str = "/v1/models";

/// Lists the models that the key may call.
pub(super) async fn list(State(gw): State<Gateway>, request: Request<Body>) -> Response {
    let received = Received::new(&gw, ENDPOINT, Dialect(Family::OpenAi), request);
    let case = received.case();
    match granted(&gw, received, None).await {
        Ok(models) => Json(json!({ "object": "list", "data": models })).into_response(),
        Err(error) => case.dialect.error(&error, case.request_id()),
    }
}

/// Shows one of them.
pub(super) async fn show(State(gw): State<Gateway>, Path(name): Path<String>, request: Request<Body>) -> Response {
    let received = Received::new(&gw, ENDPOINT, Dialect(Family::OpenAi), request);
    let case = received.case();
    let found = granted(&gw, received, Some(&name)).await.and_then(|models| {
        let missing =
            || GatewayError::new(ErrorCode::ModelNotFound, "there is no such model, or this API key may not call it");
        models.into_iter().next().ok_or_else(missing)
    });
    match found {
        Ok(model) => Json(model).into_response(),
        Err(error) => case.dialect.error(&error, case.request_id()),
    }
}

async fn granted(gw: &Gateway, received: Received, only: Option<&str>) -> Result<Vec<Value>, GatewayError> {
    let cleared = identify_only(gw, received).await?;
    let mut models = Vec::new();
    for (name, id) in &cleared.principal().models {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let target = gw.models.target(*id).await.map_err(|error| {
            GatewayError::new(ErrorCode::ModelLookupUnavailable, "models cannot be looked up at present")
                .retry_after(1)
                .caused_by(error)
        })?;
        if let Some(target) = target {
            models.push(model(&target));
        }
    }
    Ok(models)
}

fn model(target: &Target) -> Value {
    json!({ "id": target.model, "object": "model", "created": target.created_at.0.div_euclid(1_000_000), "owned_by": target.provider })
}
