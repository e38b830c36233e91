//! Tries a provider. The data plane does it: no credential is opened here.

use entity::ProviderId;
use entity::probe::ProviderTest;
use entity::resource::ProviderSpec;
use http::{HeaderValue, header};
use serde::Deserialize;
use serde_json::json;

use super::audit::{self, Actor, DONE, Deed};
use super::crud::prelude::*;
use super::engine::find;
use super::problem::Code;
use crate::probe::{ProbeError, probe};

/// How to test.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TestParams {
    /// The credential to send; the one that the provider's models use if absent.
    key: Option<String>,
}

/// Asks a provider for its list of models with its credential, which spends no tokens, and says what came of it. Takes ten
/// seconds at the most. Whatever the provider answers, the call itself succeeds.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/providers/{name}/test", tag = "providers",
    operation_id = "test_provider",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The provider's name or id."),
        TestParams,
    ),
    responses((status = 200, description = "What was found.", body = ProviderTest), Refusals)
)]
pub(super) async fn test(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Name(name): Name,
    Params(TestParams { key }): Params<TestParams>,
) -> Result<Json<ProviderTest>, ApiError> {
    let provider = find::<ProviderSpec>(gateway.database.reader(), Scope::Within(tenant.id), &name).await?.resource;
    let found = probe(&gateway, ProviderId(provider.id), key.as_deref()).await.map_err(|error| match error {
        ProbeError::NoProvider => ApiError::not_found("provider", &name),
        ProbeError::NoKey => ApiError::not_found("provider key", key.as_deref().unwrap_or_default()),
        ProbeError::Busy => ApiError::new(Code::RateLimited, "too many providers are being tested at this moment")
            .hint("try again in a moment")
            .header(header::RETRY_AFTER, HeaderValue::from_static("1")),
        ProbeError::Database(error) => error.into(),
    })?;
    let deed = Deed {
        verb: "test",
        resource: "provider",
        id: Some(provider.id),
        name: Some(provider.name),
        before: None,
        after: Some(json!({ "key": found.key, "outcome": found.outcome })),
    };
    audit::note(&gateway, &Actor::of(&caller), deed, Some(tenant.id), DONE).await;
    Ok(Json(found))
}
