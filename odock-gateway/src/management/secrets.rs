//! What is sealed for which key, and moving it to the newest. The control plane opens nothing: the data plane moves it.

use std::collections::BTreeMap;

use entity::envelope::{Rewrapped, SealedFor, SealedSecrets};

use super::audit::{Actor, DONE, Deed};
use super::body::{Fields, Optional};
use super::crud::prelude::*;
use super::problem::Code;
use crate::rewrap::{self, RewrapError};
use crate::store;
use crate::store::sealed::Holder;

/// Secrets of a batch, where nobody says how many.
const BATCH: u32 = 100;
/// The most secrets of a batch: each is an RSA operation, and somebody is waiting.
const MOST: u32 = 500;

/// How many secrets are sealed for each key, and which key is the newest.
#[utoipa::path(
    get, path = "/api/admin/secrets", tag = "secrets", operation_id = "sealed_secrets",
    responses((status = 200, description = "By key id.", body = SealedSecrets), Refusals)
)]
pub(super) async fn list(State(gateway): State<Gateway>) -> Result<Json<SealedSecrets>, ApiError> {
    sealed(&gateway).await.map(Json)
}

/// Moves a batch of secrets that are sealed for older keys to the newest. To be asked for until nothing is left.
#[utoipa::path(
    post, path = "/api/admin/secrets/rewrap", tag = "secrets", operation_id = "rewrap_secrets",
    request_body = Option<entity::envelope::Rewrap>,
    responses((status = 200, description = "What moved, and what is left.", body = Rewrapped), Refusals, BodyRefusals)
)]
pub(super) async fn rewrap(
    State(gateway): State<Gateway>,
    caller: Caller,
    Optional(body): Optional,
) -> Result<Json<Rewrapped>, ApiError> {
    let mut fields = Fields::of(body.unwrap_or_else(|| serde_json::Value::Object(Default::default())))?;
    let most = fields.whole("limit", MOST).unwrap_or(BATCH).max(1);
    fields.finish()?;
    let done = rewrap::batch(&gateway, most.into()).await.map_err(|error| match error {
        RewrapError::Database(error) => error.into(),
        sealed @ RewrapError::Sealed { .. } => ApiError::new(Code::Conflict, sealed.to_string())
            .hint("give the gateway the key that it was sealed for, or replace the secret"),
    })?;
    let after = sealed(&gateway).await?;
    let left =
        after.keys.iter().filter(|of| of.key_id != after.newest).map(|of| of.provider_keys + of.virtual_keys).sum();
    if done.moved > 0 {
        let counted = crud::value(&Rewrapped { moved: done.moved, left })?;
        let deed = Deed {
            verb: "rewrap",
            resource: "secret",
            name: Some(after.newest),
            after: Some(counted),
            ..Deed::default()
        };
        let event = Actor::of(&caller).did(deed, None, gateway.clock.now(), DONE);
        let tx = gateway.database.begin().await?;
        store::audit::append(&tx, event).await?;
        tx.commit().await?;
    }
    Ok(Json(Rewrapped { moved: done.moved, left }))
}

async fn sealed(gateway: &Gateway) -> Result<SealedSecrets, ApiError> {
    let counts = store::sealed::counts(gateway.database.reader()).await?;
    let mut keys: BTreeMap<String, SealedFor> = gateway
        .sealing
        .key_ids()
        .map(|key| (key.to_owned(), SealedFor { key_id: key.to_owned(), live: true, ..SealedFor::default() }))
        .collect();
    for (key, holders) in counts {
        let of = keys.entry(key.clone()).or_insert_with(|| SealedFor { key_id: key, ..SealedFor::default() });
        of.provider_keys = holders.get(&Holder::ProviderKey).copied().unwrap_or(0);
        of.virtual_keys = holders.get(&Holder::ApiKey).copied().unwrap_or(0);
    }
    Ok(SealedSecrets { newest: gateway.sealing.key_id().to_owned(), keys: keys.into_values().collect() })
}
