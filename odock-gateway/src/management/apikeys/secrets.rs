//! A key's secret: shown once, replaced by a rotation, and put in force when it has reached its place.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use entity::check::code;
use entity::resource::{AcknowledgeSecret, ApiKeySpec, ApiKeyState, IssuedApiKey, RotateApiKey};
use entity::row::SecretHash;
use entity::vocab::ApiKeyType;
use entity::{ApiKeyId, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::act::{Act, Outcome};
use super::{Issued, issued};
use crate::auth::unknown_key_subject;
use crate::credential::{self, CredentialKind};
use crate::management::body::{Fields, Optional};
use crate::management::crud::prelude::*;
use crate::management::engine;
use crate::management::problem::Code;
use crate::store::api_keys::{self, Acknowledged, Drawn, Reveal, Rotated};

/// The longest that an old secret works beside a new one: 30 days.
const LONGEST_OVERLAP_SECONDS: u32 = 2_592_000;

/// Shows the secret of a key that was created without showing it. Works once.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys/{name}/reveal", tag = "apikeys",
    operation_id = "reveal_apikey",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    responses((status = 200, description = "The key and its secret.", body = IssuedApiKey), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn reveal(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
) -> Result<Response, ApiError> {
    let act = Act { gateway: &gateway, caller: &caller, reached: &reached, name: &name, verb: "reveal" };
    let (key, secret) = act
        .carry_out(async |tx, key, now| match api_keys::reveal(tx, ApiKeyId(key.id), now).await? {
            Reveal::Sealed(envelope) => {
                let secret = gateway.sealing.open(&envelope).map_err(|error| {
                    ApiError::new(Code::Internal, "the secret cannot be opened any more")
                        .hint("rotate the key to give it another")
                        .caused_by(error)
                })?;
                Ok(Outcome::with(secret))
            }
            Reveal::Pending => {
                let (secret, drawn) = draw(now)?;
                api_keys::redraw(tx, ApiKeyId(key.id), drawn, now).await?;
                Ok(Outcome::with(secret))
            }
            Reveal::Shown => Err(ApiError::new(Code::Conflict, "the secret was shown before, and is not kept")
                .hint("rotate the key to give it another")),
        })
        .await?;
    Ok(Issued(StatusCode::OK, issued(key, secret)).into_response())
}

/// Gives a key a new secret; the old one may go on working for a while.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys/{name}/rotate", tag = "apikeys",
    operation_id = "rotate_apikey",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    request_body = Option<RotateApiKey>,
    responses((status = 200, description = "The key and its new secret.", body = IssuedApiKey), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn rotate(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
    Optional(body): Optional,
) -> Result<Response, ApiError> {
    let how = read_rotate(body, gateway.clock.now())?;
    let act = Act { gateway: &gateway, caller: &caller, reached: &reached, name: &name, verb: "rotate" };
    let (key, secret) = act
        .carry_out(async |tx, key, now| {
            if key.status.revoked_at.is_some() {
                return Err(ApiError::new(Code::Conflict, "the key is revoked").hint("unrevoke it first"));
            }
            if reached.reach.is_limited() && key.spec.r#type != ApiKeyType::Team && later(how.expiry, key.spec.expiry) {
                return Err(ApiError::new(Code::Forbidden, "only an administrator lets your own key live longer"));
            }
            if key.status.pending_until.is_some() {
                return Err(ApiError::new(Code::Conflict, "the key's first secret has not arrived yet")
                    .hint("`reveal` draws another one; a rotation is for a key that works"));
            }
            let (secret, drawn) = draw(now)?;
            let overlap = Duration::from_secs(how.overlap_seconds.into());
            let id = ApiKeyId(key.id);
            if how.pending {
                api_keys::prepare_rotation(tx, id, drawn, overlap, how.expiry, now).await?;
            } else {
                let Drawn { hash, preview, .. } = drawn;
                let by = caller.name().to_owned();
                api_keys::rotate(tx, id, Rotated { hash, preview, overlap, expires_at: how.expiry, by }, now).await?;
            }
            Ok(Outcome::with(secret))
        })
        .await?;
    Ok(Issued(StatusCode::OK, issued(key, secret)).into_response())
}

/// Whether a new expiry is after the one that there is.
fn later(new: Option<Timestamp>, now: Option<Timestamp>) -> bool {
    new.is_some_and(|new| now.is_some_and(|now| new > now))
}

/// A fresh secret, and what is kept of it until it is acknowledged.
fn draw(now: Timestamp) -> Result<(SecretString, Drawn), ApiError> {
    let secret = credential::generate(CredentialKind::VirtualKey)?;
    let text = secret.expose_secret();
    let drawn =
        Drawn { hash: credential::hash(text), preview: credential::preview(text), until: now.plus(engine::PENDING) };
    Ok((secret, drawn))
}

/// Puts a secret in force that reached its place: of a new key, or of a rotation.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys/{name}/ack", tag = "apikeys",
    operation_id = "acknowledge_apikey",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    request_body = AcknowledgeSecret,
    responses(
        (status = 200, description = "The key, in force.", body = Resource<ApiKeySpec, ApiKeyState>),
        Refusals, BodyRefusals
    )
)]
pub(in crate::management) async fn acknowledge(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
    Document(body): Document,
) -> Result<Shown<ApiKeySpec>, ApiError> {
    let mut fields = Fields::of(body)?;
    let hash = SecretHash(fields.text("hash").unwrap_or_default());
    let bytes = credential::hash_from_row(&hash);
    if bytes.is_none() && !fields.has_error("hash") {
        fields.report::<()>("hash", code::INVALID, "must be 64 lower-case hex digits: SHA-256 over the secret");
    }
    fields.finish()?;
    let subject = bytes.map(|bytes| unknown_key_subject(&bytes));
    let act = Act { gateway: &gateway, caller: &caller, reached: &reached, name: &name, verb: "acknowledge" };
    let done = act.carry_out(async |tx, key, now| {
        let by = caller.name().to_owned();
        match api_keys::acknowledge(tx, ApiKeyId(key.id), &hash, by, now).await? {
            Acknowledged::InForce => Ok(Outcome { changed: true, secret: None, subject }),
            Acknowledged::Before => Ok(Outcome::default()),
            Acknowledged::Lapsed => Err(ApiError::new(Code::Conflict, "the time to acknowledge the secret is over")
                .hint("draw another one: `reveal` for a new key, `rotate` for one that works")),
            Acknowledged::Another => {
                Err(ApiError::new(Code::Conflict, "the key does not wait for this secret: another was drawn since")
                    .hint("draw another one: `reveal` for a new key, `rotate` for one that works"))
            }
        }
    });
    Ok(Shown(done.await?.0))
}

/// Ends a rotation's overlap at once: the old secret stops working. A rotation that waits to be acknowledged is given up.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys/{name}/finish-rotation", tag = "apikeys",
    operation_id = "finish_rotation",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    responses(
        (status = 200, description = "The key, with one secret.", body = Resource<ApiKeySpec, ApiKeyState>),
        Refusals, BodyRefusals
    )
)]
pub(in crate::management) async fn finish_rotation(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
) -> Result<Shown<ApiKeySpec>, ApiError> {
    let act = Act { gateway: &gateway, caller: &caller, reached: &reached, name: &name, verb: "finish-rotation" };
    let done = act.carry_out(async |tx, key, now| {
        let changed = api_keys::finish_rotation(tx, ApiKeyId(key.id), now).await?;
        Ok(Outcome { changed, ..Outcome::default() })
    });
    Ok(Shown(done.await?.0))
}

fn read_rotate(body: Option<Value>, now: Timestamp) -> Result<RotateApiKey, ApiError> {
    let mut fields = Fields::of(body.unwrap_or_else(|| Value::Object(Default::default())))?;
    let overlap_seconds = fields.whole("overlapSeconds", LONGEST_OVERLAP_SECONDS).unwrap_or(0);
    let expiry = fields.time("expiry");
    if expiry.is_some_and(|end| end <= now) {
        fields.report::<()>("expiry", code::INVALID, "is over already");
    }
    let pending = fields.flag("pending").unwrap_or(false);
    fields.finish()?;
    Ok(RotateApiKey { overlap_seconds, expiry, pending })
}
