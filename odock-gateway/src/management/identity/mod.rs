//! Who somebody is: signing in and out, passwords, tokens, invitations, service accounts.
//!
//! | file | is |
//! | --- | --- |
//! | `sign_in` | the ways in: a one-time token, a password |
//! | `sessions` | what signing in leads to: access and refresh tokens, listing, ending |
//! | `passwords` | setting one's own |
//! | `device` | signing in by a code in a browser |
//! | `exchange` | a pipeline's OpenID token for a service account's |
//! | `tokens` | one's own personal tokens, and one-time tokens for others |
//! | `invitations` `accepting` `joining` | how somebody comes in who is not known yet |
//! | `approval` | users who wait |

pub(super) mod accepting;
pub(super) mod approval;
pub(super) mod device;
pub(super) mod exchange;
pub(super) mod invitations;
mod joining;
pub(super) mod passwords;
pub(super) mod sessions;
pub(super) mod sign_in;
pub(super) mod tokens;

use http::{HeaderValue, header};
use secrecy::SecretString;
use serde_json::Value;

use super::audit::{self, Actor, Deed};
use super::body::Fields;
use super::problem::{ApiError, Code};
use crate::credential;
use crate::gateway::Gateway;
use crate::identity::{Attempt, Busy, TooSoon};

/// A refusal to let somebody in, with whom it was about as far as that is known.
struct Refused {
    error: ApiError,
    /// An e-mail address or a service account.
    who: Option<String>,
    organisation: Option<entity::OrganisationId>,
    /// More for the audit log, which the caller is not told.
    why: Option<Value>,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self { error, who: None, organisation: None, why: None }
    }
}

impl From<sea_orm::DbErr> for Refused {
    fn from(error: sea_orm::DbErr) -> Self {
        ApiError::from(error).into()
    }
}

impl Refused {
    fn of(error: ApiError, who: impl Into<String>) -> Self {
        Self { who: Some(who.into()), ..error.into() }
    }
}

/// Where a call that nobody has signed in for comes from.
#[derive(Clone, Debug)]
pub(in crate::management) struct Stranger {
    address: String,
    request_id: String,
}

impl Stranger {
    fn actor(&self, who: Option<&str>) -> Actor {
        Actor::signing_in(who, Some(self.address.clone()), &self.request_id)
    }
}

/// Begins an attempt to come in. That it is too soon for one is noted in the audit log once a minute, however often it is
/// tried: whoever guesses is not to fill the log.
async fn begin_attempt(
    gateway: &Gateway,
    stranger: &Stranger,
    verb: &'static str,
    account: Option<&str>,
    familiar: bool,
) -> Result<Attempt, ApiError> {
    let begun = gateway.identity.attempts.begin(gateway.clock.now(), &stranger.address, account, familiar).await;
    match begun {
        Ok(attempt) => Ok(attempt),
        Err(wait) => {
            let error = too_soon(wait);
            let about = format!("{verb}\0{}\0{}", stranger.address, account.unwrap_or_default());
            if gateway.identity.is_news(&credential::hash(&about)) {
                let deed = Deed { verb, resource: "session", ..Deed::default() };
                audit::note(gateway, &stranger.actor(account), deed, None, error.code().wire().1).await;
            }
            Err(error)
        }
    }
}

/// Counts an attempt that was refused, and notes it in the audit log.
async fn settle<T>(
    gateway: &Gateway,
    stranger: &Stranger,
    verb: &'static str,
    attempt: Attempt,
    outcome: Result<T, Refused>,
) -> Result<T, ApiError> {
    let Refused { error, who, organisation, why } = match outcome {
        Ok(done) => {
            attempt.succeeded().await;
            return Ok(done);
        }
        Err(refused) => refused,
    };
    match error.code() {
        Code::Unauthorized | Code::TokenExpired | Code::TokenRevoked | Code::Forbidden => {
            attempt.failed().await;
            let deed = Deed { verb, resource: "session", after: why, ..Deed::default() };
            audit::note(gateway, &stranger.actor(who.as_deref()), deed, organisation, error.code().wire().1).await;
        }
        // Nobody found out whether it was right.
        _ => attempt.undo().await,
    }
    Err(error)
}

fn too_soon(too_soon: TooSoon) -> ApiError {
    let seconds = too_soon.wait.as_secs() + 1;
    ApiError::new(Code::RateLimited, "too many failed attempts")
        .hint(format!("wait {seconds} s"))
        .header(header::RETRY_AFTER, HeaderValue::from(seconds))
}

fn busy(_: Busy) -> ApiError {
    ApiError::new(Code::Unavailable, "too many people are signing in at once")
        .hint("try again in a moment")
        .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
}

/// Takes a secret out of a body.
fn secret(fields: &mut Fields, name: &'static str, most: usize) -> Option<SecretString> {
    match fields.take(name)? {
        Value::String(text) if !text.is_empty() && text.len() <= most => Some(SecretString::from(text)),
        Value::String(_) => {
            fields.report(name, entity::check::code::INVALID, format!("must have 1 to {most} characters"))
        }
        _ => fields.report(name, entity::check::code::WRONG_TYPE, "must be a string"),
    }
}

/// As [`secret`], where it cannot be left out.
fn needed_secret(fields: &mut Fields, name: &'static str, most: usize) -> Option<SecretString> {
    let secret = secret(fields, name, most);
    if secret.is_none() && !fields.has_error(name) {
        fields.report::<()>(name, entity::check::code::MISSING, format!("`{name}` is missing"));
    }
    secret
}

fn checked<T>(value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::internal("a checked field is missing"))
}
