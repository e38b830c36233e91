//! Setting one's own password.

use std::time::Duration;

use axum::extract::State;
use entity::check::code;
use entity::session::SetPassword;
use http::StatusCode;
use secrecy::ExposeSecret;

use super::{busy, checked, needed_secret, secret, too_soon};
use crate::gateway::Gateway;
use crate::identity::Passwords;
use crate::management::access::caller::Caller;
use crate::management::audit::{self, Actor, DONE, Deed};
use crate::management::body::{Document, Fields};
use crate::management::problem::{ApiError, Code};
use crate::management::refusals::{BodyRefusals, Refusals};
use crate::store;

/// How long after a sign-in the old password is not asked for.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// Sets the caller's password, and ends the caller's other sessions.
#[utoipa::path(
    put, path = "/api/auth/password", tag = "session", operation_id = "set_password", request_body = SetPassword,
    responses((status = 204, description = "The password is set."), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn set(
    State(gateway): State<Gateway>,
    caller: Caller,
    Document(body): Document,
) -> Result<StatusCode, ApiError> {
    let id = caller.person()?;
    let mut fields = Fields::of(body)?;
    let current = secret(&mut fields, "current", 4_096);
    let new = needed_secret(&mut fields, "new", 4_096);
    if let Some(problem) = new.as_ref().and_then(|new| Passwords::objection(new.expose_secret(), caller.name())) {
        fields.report::<()>("new", code::INVALID, problem);
    }
    fields.finish()?;
    let new = checked(new)?;
    let now = gateway.clock.now();
    let user = store::identities::user_by_id(gateway.database.reader(), id).await?;
    let user = user.ok_or_else(|| ApiError::not_found("user", caller.name()))?;
    let fresh = caller.session.is_some_and(|session| now.since(session.authenticated_at) <= FRESH);
    match current {
        Some(current) => {
            let address = caller.address.as_deref().unwrap_or("-");
            let attempts = &gateway.identity.attempts;
            let attempt = attempts.begin(now, address, Some(caller.name()), true).await.map_err(too_soon)?;
            let right = match gateway.identity.passwords.verify(user.password_hash.clone(), current).await {
                Ok(right) => right,
                Err(error) => {
                    attempt.undo().await;
                    return Err(busy(error));
                }
            };
            if !right {
                attempt.failed().await;
                let deed = Deed { verb: "set-password", resource: "user", id: Some(id.0), ..Deed::default() };
                audit::refused(&gateway, Some(&caller), deed, "forbidden").await;
                return Err(ApiError::new(Code::Forbidden, "the current password is wrong"));
            }
            attempt.succeeded().await;
        }
        None if fresh => {}
        None => {
            let deed = Deed { verb: "set-password", resource: "user", id: Some(id.0), ..Deed::default() };
            audit::refused(&gateway, Some(&caller), deed, "forbidden").await;
            return Err(ApiError::new(Code::Forbidden, "the current password, or a fresh sign-in, is needed")
                .hint("send `current`, or sign in again and set it within ten minutes"));
        }
    }
    let hash = gateway.identity.passwords.hash(new).await.map_err(busy)?;
    let tx = gateway.database.begin().await?;
    store::identities::set_password(&tx, id, hash, now).await?;
    let own = caller.session.map(|session| session.id);
    store::sessions::revoke_all(&tx, &[id], own, now).await?;
    let deed = Deed {
        verb: "set-password",
        resource: "user",
        id: Some(id.0),
        name: Some(caller.name().to_owned()),
        ..Deed::default()
    };
    store::audit::append(&tx, Actor::of(&caller).did(deed, caller.organisation_id, now, DONE)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
