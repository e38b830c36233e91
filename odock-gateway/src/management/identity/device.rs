//! Signing in by a code in a browser: the gateway asks the identity provider, its client shows the code and waits.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use entity::check::code;
use entity::identity::{BeginDevice, DevicePrompt, DeviceState, IdentityProviders, PollDevice};
use entity::row::{device_sign_in, user};
use entity::session::SignedIn;
use entity::vocab::{SignInMethod, UserStatus};
use entity::{DeviceSignInId, InvitationId};
use http::{HeaderValue, header};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::sessions::{self, Way};
use super::sign_in::admit;
use super::{Refused, Stranger, begin_attempt, checked, joining, needed_secret, secret, settle, too_soon};
use crate::credential::{self, CredentialKind};
use crate::gateway::Gateway;
use crate::identity::{Device, DeviceError, External, Poll};
use crate::management::access::guard;
use crate::management::body::{Document, Fields};
use crate::management::problem::{ApiError, Code, shortened};
use crate::management::refusals::{BodyRefusals, Refusals};
use crate::store;

/// Sign-ins that may be under way at once.
const AT_ONCE: u64 = 1_000;

/// The identity providers that people can sign in with. Needs no token.
#[utoipa::path(
    get, path = "/api/auth/providers", tag = "session", operation_id = "identity_providers", security(()),
    responses((status = 200, description = "The providers.", body = IdentityProviders), Refusals)
)]
pub(in crate::management) async fn providers(State(gateway): State<Gateway>) -> Json<IdentityProviders> {
    Json(IdentityProviders { providers: gateway.identity.devices.shown() })
}

/// Begins a sign-in: the answer says what to type and where.
#[utoipa::path(
    post, path = "/api/auth/device", tag = "session", operation_id = "begin_device", request_body = BeginDevice, security(()),
    responses((status = 200, description = "What to do in a browser.", body = DevicePrompt), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn begin(
    State(gateway): State<Gateway>,
    stranger: Stranger,
    Document(body): Document,
) -> Result<Json<DevicePrompt>, ApiError> {
    let mut fields = Fields::of(body)?;
    let provider = fields.line("provider");
    let name = fields.line("name");
    let invitation = secret(&mut fields, "invitation", 512);
    let devices = &gateway.identity.devices;
    let shown = devices.shown();
    let names = || shown.iter().map(|provider| provider.name.as_str()).collect::<Vec<_>>().join(", ");
    let chosen = match (&provider, &shown[..]) {
        (_, []) => {
            let error = ApiError::new(Code::Conflict, "no identity provider is configured");
            return Err(error.hint("sign in with a password or a one-time token"));
        }
        (None, [only]) => devices.provider(&only.name),
        (None, _) => fields.report("provider", code::MISSING, format!("`provider` is missing; there are {}", names())),
        (Some(name), _) => match devices.provider(name) {
            Some(found) => Some(found),
            None => {
                let message = format!("there is no identity provider `{}`; there are {}", shortened(name), names());
                fields.report("provider", code::BAD_REFERENCE, message)
            }
        },
    };
    fields.finish()?;
    let provider = checked(chosen)?;
    let now = gateway.clock.now();
    // Whatever comes of it, it costs the provider a question.
    gateway.identity.attempts.ask_for_code(now, &stranger.address).await.map_err(too_soon)?;
    let invitation = match invitation {
        Some(token) => Some(invited(&gateway, token.expose_secret()).await?),
        None => None,
    };
    if store::devices::under_way(gateway.database.reader(), now).await? >= AT_ONCE {
        return Err(ApiError::new(Code::Unavailable, "too many people are signing in at once")
            .header(header::RETRY_AFTER, HeaderValue::from_static("60")));
    }
    let begun = devices.begin(provider, now).await.map_err(|error| unavailable(&error))?;
    let handle = credential::generate(CredentialKind::DeviceHandle)?;
    let interval_ms = i64::try_from(begun.interval.as_millis()).map_err(ApiError::internal)?;
    let row = device_sign_in::Model {
        id: DeviceSignInId::new(),
        provider: provider.name.clone(),
        handle_hash: credential::hash(handle.expose_secret()),
        device_code: gateway.sealing.seal(&begun.device_code).map_err(ApiError::internal)?,
        name: name.unwrap_or_else(|| provider.name.clone()),
        invitation_id: invitation,
        interval_ms,
        next_poll_at: now.plus(begun.interval),
        expires_at: now.plus(begun.expires_in),
        created_at: now,
        updated_at: now,
    };
    let expires_at = row.expires_at;
    let tx = gateway.database.begin().await?;
    store::devices::begin(&tx, row).await?;
    tx.commit().await?;
    Ok(Json(DevicePrompt {
        handle: handle.expose_secret().to_owned(),
        provider: provider.name.clone(),
        user_code: begun.user_code,
        verification_uri: begun.verification_uri,
        verification_uri_complete: begun.verification_uri_complete,
        expires_at,
        interval: begun.interval.as_secs(),
    }))
}

async fn invited(gateway: &Gateway, token: &str) -> Result<InvitationId, ApiError> {
    let found = store::invitations::by_hash(gateway.database.reader(), &credential::hash(token)).await?;
    let found = found.ok_or_else(|| guard::unauthorized("the invitation is not known"))?;
    joining::check(&found, gateway.clock.now())?;
    Ok(found.id)
}

/// Asks how a sign-in stands. Asked too early, the answer is the same as before.
#[utoipa::path(
    post, path = "/api/auth/device/poll", tag = "session", operation_id = "poll_device", request_body = PollDevice,
    security(()),
    responses((status = 200, description = "How it stands.", body = DeviceState), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn poll(
    State(gateway): State<Gateway>,
    stranger: Stranger,
    Document(body): Document,
) -> Result<Json<DeviceState>, ApiError> {
    let handle = read_poll(body)?;
    let attempt = begin_attempt(&gateway, &stranger, "sign-in", None, false).await?;
    let outcome = ask(&gateway, &stranger, &handle).await;
    Ok(Json(settle(&gateway, &stranger, "sign-in", attempt, outcome).await?))
}

fn read_poll(body: Value) -> Result<String, ApiError> {
    let mut fields = Fields::of(body)?;
    let handle = needed_secret(&mut fields, "handle", 512);
    fields.finish()?;
    Ok(checked(handle)?.expose_secret().to_owned())
}

async fn ask(gateway: &Gateway, stranger: &Stranger, handle: &str) -> Result<DeviceState, Refused> {
    let (now, db) = (gateway.clock.now(), gateway.database.writer());
    let found = store::devices::find(gateway.database.reader(), &credential::hash(handle)).await?;
    let gone = || ApiError::new(Code::TokenExpired, "the sign-in is over, or never began").hint("begin a new one");
    let row = found.filter(|row| row.expires_at > now).ok_or_else(gone)?;
    let provider = gateway.identity.devices.provider(&row.provider).ok_or_else(gone)?;
    let wait = |interval_ms: i64| DeviceState {
        interval: Some(u64::try_from(interval_ms).unwrap_or(5_000).div_ceil(1_000)),
        signed_in: None,
    };
    if !store::devices::take_turn(db, &row, now).await? {
        return Ok(wait(row.interval_ms));
    }
    let device_code = gateway.sealing.open(&row.device_code).map_err(ApiError::internal)?;
    let external = match gateway.identity.devices.poll(provider, &device_code, now).await {
        Ok(Poll::Pending) => return Ok(wait(row.interval_ms)),
        Ok(Poll::SlowDown(said)) => {
            let before = Duration::from_millis(row.interval_ms.unsigned_abs());
            let slower = i64::try_from(Device::slower(before, said).as_millis()).unwrap_or(row.interval_ms);
            store::devices::slow_down(db, &row, slower, gateway.clock.now()).await?;
            return Ok(wait(slower));
        }
        Ok(Poll::Denied) => {
            store::devices::end(db, row.id).await?;
            return Err(ApiError::new(Code::Forbidden, format!("{} says that it was declined", provider.name)).into());
        }
        Ok(Poll::Expired) => {
            store::devices::end(db, row.id).await?;
            return Err(gone().into());
        }
        Ok(Poll::Done(external)) => external,
        // What the provider says is not to be believed, now or later.
        Err(error @ (DeviceError::Prove(_) | DeviceError::Provider { .. })) => {
            store::devices::end(db, row.id).await?;
            tracing::warn!(provider = provider.name, %error, "Could not believe an identity provider");
            return Err(ApiError::new(Code::Forbidden, error.to_string()).into());
        }
        Err(error) => return Err(unavailable(&error).into()),
    };
    let signed_in = finish(gateway, stranger, &row, &external).await?;
    Ok(DeviceState { interval: None, signed_in: Some(signed_in) })
}

async fn finish(
    gateway: &Gateway,
    stranger: &Stranger,
    row: &device_sign_in::Model,
    external: &External,
) -> Result<SignedIn, Refused> {
    let provider = gateway.identity.devices.provider(&row.provider);
    let provider = provider.ok_or_else(|| ApiError::internal("the provider has gone"))?;
    let tx = gateway.database.begin().await?;
    if !store::devices::end(&tx, row.id).await? {
        return Err(ApiError::new(Code::TokenExpired, "the sign-in is over").into());
    }
    let invitation = match row.invitation_id {
        Some(id) => store::invitations::one(&tx, None, id).await?,
        None => None,
    };
    let user: user::Model = match joining::known(gateway, &tx, provider, external, invitation, stranger).await {
        Ok(user) => user,
        Err(refused) => {
            drop(tx);
            // The code was used whatever came of it.
            store::devices::end(gateway.database.writer(), row.id).await?;
            return Err(refused);
        }
    };
    if user.status != UserStatus::Active {
        // That somebody waits now is to stay.
        tx.commit().await?;
        let error = admit(user.status).err().unwrap_or_else(|| ApiError::internal("a user is neither in nor out"));
        return Err(Refused { organisation: user.organisation_id, ..Refused::of(error, user.email) });
    }
    let way = Way { method: SignInMethod::Device, name: Some(row.name.clone()), stranger };
    let signed_in = sessions::begin(gateway, &tx, &user, way).await?;
    tx.commit().await?;
    Ok(signed_in)
}

fn unavailable(error: &DeviceError) -> ApiError {
    let retry = Duration::from_secs(10).as_secs();
    tracing::warn!(%error, "Could not ask an identity provider");
    ApiError::new(Code::Unavailable, error.to_string())
        .hint("try again in a moment")
        .header(header::RETRY_AFTER, HeaderValue::from(retry))
}
