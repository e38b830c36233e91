//! Every route of the management API.
/// Routes.
pub fn router(_: crate::gateway::Gateway) -> axum::Router {
    axum::Router::new()
}
/// Document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    utoipa::openapi::OpenApi::default()
}
