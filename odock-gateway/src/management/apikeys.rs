//! Virtual keys: their secrets, shown once, and the models that they may call.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use entity::check::code;
use entity::resource::{
    AcknowledgeSecret, ApiKeySpec, ApiKeyState, CreateApiKey, IssuedApiKey, Kind, ModelSpec, RotateApiKey, Rotation,
};
use entity::row::SecretHash;
use entity::vocab::ApiKeyType;
use entity::{ApiKeyId, Timestamp};
use http::header;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::audit::{Actor, DONE, Deed};
use super::body::{Fields, Optional, entries};
use super::crud::prelude::*;
use super::engine::{self, Intent, Issue, Place, find};
use super::problem::Code;
use crate::auth::unknown_key_subject;
use crate::credential::{self, CredentialKind};
use crate::store;
use crate::store::api_keys::{self, Acknowledged, Drawn, Reveal, Rotated};

crud::handlers!(
    ApiKeySpec,
    ApiKeyState,
    "apikey",
    "apikeys",
    "/api/organisations/{organisation}/apikeys",
    "/api/organisations/{organisation}/apikeys/{name}"
);

/// The longest that an old secret works beside a new one: 30 days.
const LONGEST_OVERLAP_SECONDS: u32 = 2_592_000;

/// A key, with its secret where it is shown.
struct Issued(StatusCode, IssuedApiKey);

impl IntoResponse for Issued {
    fn into_response(self) -> Response {
        let tag = crud::etag(&self.1.key);
        (self.0, [(header::ETAG, tag)], Json(self.1)).into_response()
    }
}

fn issued(key: Resource<ApiKeySpec, ApiKeyState>, secret: Option<SecretString>) -> IssuedApiKey {
    IssuedApiKey { key, secret: secret.map(|secret| secret.expose_secret().to_owned()) }
}

/// Creates a virtual key. The answer holds the secret, unless `reveal` is false.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys", tag = "apikeys", operation_id = "create_apikey",
    params(("organisation" = String, Path, description = "Slug or id.")),
    request_body = CreateApiKey,
    responses((status = 201, description = "It exists now.", body = IssuedApiKey), Refusals, BodyRefusals)
)]
pub(super) async fn create(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Document(body): Document,
) -> Result<Response, ApiError> {
    let mut fields = Fields::of(body)?;
    let reveal = fields.flag("reveal").unwrap_or(true);
    let pending = fields.flag("pending").unwrap_or(false);
    if pending && !reveal {
        fields.report::<()>(
            "pending",
            code::INVALID,
            "a secret that is left for a later reveal cannot be acknowledged",
        );
    }
    let (name, spec) = crud::read_create::<ApiKeySpec>(fields)?;
    let issue = match (reveal, pending) {
        (false, _) => Issue::Sealed,
        (true, false) => Issue::Revealed,
        (true, true) => Issue::Pending,
    };
    let setting = Setting { issue, ..Setting::reached(caller, reached) };
    let (key, secret) =
        engine::one::<ApiKeySpec>(&gateway, &setting, name, Intent::Create(spec), Place::CREATE).await?;
    Ok(Issued(StatusCode::CREATED, issued(key, secret)).into_response())
}

/// Shows a virtual key, with its last use.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/apikeys/{name}", tag = "apikeys", operation_id = "show_apikey",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    responses((status = 200, description = "It.", body = Resource<ApiKeySpec, ApiKeyState>), Refusals)
)]
pub(super) async fn show(
    State(gateway): State<Gateway>,
    reached: Reached,
    Name(name): Name,
) -> Result<Shown<ApiKeySpec>, ApiError> {
    let db = gateway.database.reader();
    let mut key = find::<ApiKeySpec>(db, reached.scope(), &name).await?.resource;
    key.status.last_used_at = store::usage::last_use(db, ApiKeyId(key.id)).await?;
    Ok(Shown(key))
}

/// Shows the secret of a key that was created without showing it. Works once.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys/{name}/reveal", tag = "apikeys",
    operation_id = "reveal_apikey",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    responses((status = 200, description = "The key and its secret.", body = IssuedApiKey), Refusals, BodyRefusals)
)]
pub(super) async fn reveal(
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
pub(super) async fn rotate(
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
pub(super) async fn acknowledge(
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
pub(super) async fn finish_rotation(
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

/// Stops a key from working.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys/{name}/revoke", tag = "apikeys",
    operation_id = "revoke_apikey",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    responses(
        (status = 200, description = "The key, revoked.", body = Resource<ApiKeySpec, ApiKeyState>),
        Refusals, BodyRefusals
    )
)]
pub(super) async fn revoke(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
) -> Result<Shown<ApiKeySpec>, ApiError> {
    let act = Act { gateway: &gateway, caller: &caller, reached: &reached, name: &name, verb: "revoke" };
    act.set_revoked(true).await
}

/// Lets a revoked key work again.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys/{name}/unrevoke", tag = "apikeys",
    operation_id = "unrevoke_apikey",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    responses(
        (status = 200, description = "The key, in force.", body = Resource<ApiKeySpec, ApiKeyState>),
        Refusals, BodyRefusals
    )
)]
pub(super) async fn unrevoke(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
) -> Result<Shown<ApiKeySpec>, ApiError> {
    let act = Act { gateway: &gateway, caller: &caller, reached: &reached, name: &name, verb: "unrevoke" };
    act.set_revoked(false).await
}

/// The rotations of a key, newest first.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/apikeys/{name}/history", tag = "apikeys",
    operation_id = "apikey_history",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "Name or id."),
        ListParams,
    ),
    responses((status = 200, description = "A page.", body = Page<Rotation>), Refusals)
)]
pub(super) async fn history(
    State(gateway): State<Gateway>,
    reached: Reached,
    Name(name): Name,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Rotation>>, ApiError> {
    let db = gateway.database.reader();
    let key = find::<ApiKeySpec>(db, reached.scope(), &name).await?;
    let rotations = api_keys::history(db, ApiKeyId(key.resource.id)).await?;
    Ok(Json(params.page(rotations, |rotation| &rotation.by)?))
}

/// Lets a key call a model. Granting twice is granting once.
#[utoipa::path(
    put, path = "/api/organisations/{organisation}/apikeys/{name}/models/{model}", tag = "apikeys",
    operation_id = "grant",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The key's name or id."),
        ("model" = String, Path, description = "The model's name or id."),
    ),
    responses((status = 204, description = "The key may call the model."), Refusals, BodyRefusals)
)]
pub(super) async fn grant(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
    Last(model): Last,
) -> Result<StatusCode, ApiError> {
    Box::pin(change_grant(&gateway, caller, reached, (name, model), "grant")).await
}

/// Stops a key from calling a model. Ungranting twice is ungranting once.
#[utoipa::path(
    delete, path = "/api/organisations/{organisation}/apikeys/{name}/models/{model}", tag = "apikeys",
    operation_id = "ungrant",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The key's name or id."),
        ("model" = String, Path, description = "The model's name or id."),
    ),
    responses((status = 204, description = "The key may not call the model."), Refusals, BodyRefusals)
)]
pub(super) async fn ungrant(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
    Last(model): Last,
) -> Result<StatusCode, ApiError> {
    Box::pin(change_grant(&gateway, caller, reached, (name, model), "ungrant")).await
}

async fn change_grant(
    gateway: &Gateway,
    caller: Caller,
    reached: Reached,
    (name, model): (String, String),
    verb: &'static str,
) -> Result<StatusCode, ApiError> {
    let model = find::<ModelSpec>(gateway.database.reader(), reached.scope(), &model).await?.resource.name;
    let edit = move |spec: &mut Value| {
        let models = entries(spec, "models")?;
        models.retain(|other| *other != model.as_str());
        if verb == "grant" {
            models.push(Value::String(model));
        }
        Ok(())
    };
    let intent = Intent::Edit(verb, Box::new(edit));
    engine::one::<ApiKeySpec>(gateway, &Setting::reached(caller, reached), name, intent, Place::SPEC).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Something done to one key that is no change of its spec.
struct Act<'a> {
    gateway: &'a Gateway,
    caller: &'a Caller,
    reached: &'a Reached,
    name: &'a str,
    verb: &'static str,
}

type Key = Resource<ApiKeySpec, ApiKeyState>;

/// What an act did.
#[derive(Default)]
struct Outcome {
    changed: bool,
    secret: Option<SecretString>,
    /// What else is stale.
    subject: Option<uuid::Uuid>,
}

impl Outcome {
    /// The key has a secret that the answer shows.
    fn with(secret: SecretString) -> Self {
        let subject = unknown_key_subject(&credential::hash_bytes(secret.expose_secret()));
        Self { changed: true, secret: Some(secret), subject: Some(subject) }
    }
}

impl Act<'_> {
    /// Finds the key, does it, and notes it, all in one transaction. `act` says whether anything changed.
    async fn carry_out(
        self,
        act: impl AsyncFnOnce(&sea_orm::DatabaseTransaction, &Key, Timestamp) -> Result<Outcome, ApiError>,
    ) -> Result<(Key, Option<SecretString>), ApiError> {
        let tx = self.gateway.database.begin().await?;
        match self.within(&tx, act).await {
            Ok((key, Outcome { secret, subject, .. })) => {
                let mut subjects = vec![key.id];
                subjects.extend(subject);
                engine::commit(self.gateway, tx, subjects).await?;
                Ok((key, secret))
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    }

    async fn within(
        &self,
        tx: &sea_orm::DatabaseTransaction,
        act: impl AsyncFnOnce(&sea_orm::DatabaseTransaction, &Key, Timestamp) -> Result<Outcome, ApiError>,
    ) -> Result<(Key, Outcome), ApiError> {
        store::locks::serialise(tx, Some(self.reached.tenant.id)).await?;
        let (scope, now) = (self.reached.scope(), self.gateway.clock.now());
        let before = find::<ApiKeySpec>(tx, scope, self.name).await?.resource;
        let outcome = act(tx, &before, now).await?;
        if !outcome.changed {
            return Ok((before, outcome));
        }
        let after = find::<ApiKeySpec>(tx, scope, &before.name).await?.resource;
        let deed = Deed {
            verb: self.verb,
            resource: engine::word(Kind::ApiKey),
            id: Some(after.id),
            name: Some(after.name.clone()),
            before: Some(crud::value(&before.status)?),
            after: Some(crud::value(&after.status)?),
        };
        let event = Actor::of(self.caller).did(deed, Some(self.reached.tenant.id), now, DONE);
        store::audit::append(tx, event).await?;
        Ok((after, outcome))
    }

    async fn set_revoked(self, revoked: bool) -> Result<Shown<ApiKeySpec>, ApiError> {
        let done = self.carry_out(async |tx, key, now| {
            let changed = key.status.revoked_at.is_some() != revoked;
            if changed {
                api_keys::set_revoked(tx, ApiKeyId(key.id), revoked.then_some(now), now).await?;
            }
            Ok(Outcome { changed, ..Outcome::default() })
        });
        Ok(Shown(done.await?.0))
    }
}
