//! The gateway itself: version, encryption key, the table of who may do what, the OpenAPI document.

use std::sync::OnceLock;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse;
use entity::envelope::EncryptionKey;
use entity::session::Version;
use http::header::CONTENT_TYPE;

use super::access::matrix::{self, Matrix};
use super::problem::ApiError;
use super::refusals::Refusals;
use crate::gateway::Gateway;

/// What the gateway is. Needs no token.
#[utoipa::path(
    get, path = "/api/version", tag = "gateway", operation_id = "version", security(()),
    responses((status = 200, description = "The gateway's version.", body = Version), Refusals)
)]
pub(super) async fn version(State(gateway): State<Gateway>) -> Json<Version> {
    Json(Version {
        version: env!("CARGO_PKG_VERSION").into(),
        database: gateway.database.kind().into(),
        hot_store: gateway.hot.kind().into(),
    })
}

/// The public key that secrets are sealed with.
#[utoipa::path(
    get, path = "/api/encryption-key", tag = "gateway", operation_id = "encryption_key",
    responses((status = 200, description = "The key.", body = EncryptionKey), Refusals)
)]
pub(super) async fn encryption_key(State(gateway): State<Gateway>) -> Json<EncryptionKey> {
    Json(gateway.sealing.public())
}

/// The authorisation table: who may do what.
#[utoipa::path(
    get, path = "/api/auth/matrix", tag = "gateway", operation_id = "auth_matrix",
    responses((status = 200, description = "The table.", body = Matrix), Refusals)
)]
pub(super) async fn matrix() -> Json<Matrix> {
    Json(matrix::matrix())
}

/// This document. Needs no token.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "gateway", operation_id = "openapi", security(()),
    responses((status = 200, description = "The OpenAPI 3.1 document.", body = Object), Refusals)
)]
pub(super) async fn openapi() -> Result<impl IntoResponse, ApiError> {
    // Anybody may ask, and making it takes many times its size.
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let document = match DOCUMENT.get() {
        Some(document) => document.clone(),
        None => {
            let document = serde_json::to_vec(&super::router::openapi()).map_err(ApiError::internal)?;
            DOCUMENT.get_or_init(|| document.into()).clone()
        }
    };
    Ok(([(CONTENT_TYPE, "application/json")], document))
}
