//! The ways in: a one-time token, or an e-mail address and a password. And who one is then.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use entity::check::code;
use entity::session::{SignIn, SignedIn, WhoAmI};
use entity::vocab::{SignInMethod, UserStatus};
use http::request::Parts;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::sessions::{self, Way};
use super::{Refused, Stranger, begin_attempt, busy, checked, secret, settle};
use crate::credential::{self, CredentialKind};
use crate::gateway::Gateway;
use crate::management::access::caller::Caller;
use crate::management::access::guard;
use crate::management::audit;
use crate::management::body::{Document, Fields};
use crate::management::frame::RequestId;
use crate::management::problem::{ApiError, Code};
use crate::management::refusals::{BodyRefusals, Refusals};
use crate::store;
use crate::store::bearers::{self, Holder};

/// How long an address is remembered as one that a user signs in from.
const FAMILIAR: std::time::Duration = std::time::Duration::from_secs(90 * 24 * 60 * 60);

impl FromRequestParts<Gateway> for Stranger {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let id = parts.extensions.get::<RequestId>().map_or_else(|| "-".into(), |id| id.0.to_string());
        Ok(Self { address: audit::address(gateway, parts), request_id: id })
    }
}

/// What somebody signs in with.
enum Proof {
    Token(SecretString),
    Password { email: String, password: SecretString },
}

/// Signs in: with a one-time token, or with an e-mail address and a password.
#[utoipa::path(
    post, path = "/api/auth/sign-in", tag = "session", operation_id = "sign_in", request_body = SignIn, security(()),
    responses((status = 200, description = "The session, with its tokens.", body = SignedIn), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn sign_in(
    State(gateway): State<Gateway>,
    stranger: Stranger,
    Document(body): Document,
) -> Result<Json<SignedIn>, ApiError> {
    let (proof, name) = read(body)?;
    let signed_in = match proof {
        Proof::Token(token) => {
            let attempt = begin_attempt(&gateway, &stranger, "sign-in", None, false).await?;
            let outcome = by_token(&gateway, &stranger, &token, name).await;
            settle(&gateway, &stranger, "sign-in", attempt, outcome).await?
        }
        Proof::Password { email, password } => {
            let familiar = is_familiar(&gateway, &stranger, &email).await?;
            let attempt = begin_attempt(&gateway, &stranger, "sign-in", Some(&email), familiar).await?;
            let outcome = by_password(&gateway, &stranger, &email, password, name).await;
            settle(&gateway, &stranger, "sign-in", attempt, outcome).await?
        }
    };
    Ok(Json(signed_in))
}

fn read(body: Value) -> Result<(Proof, Option<String>), ApiError> {
    let mut fields = Fields::of(body)?;
    let token = secret(&mut fields, "token", 512);
    let email = fields.line("email").map(|email| email.to_lowercase());
    let password = secret(&mut fields, "password", 4_096);
    let name = fields.line("name");
    let proof = match (token, email, password) {
        (Some(token), None, None) => Some(Proof::Token(token)),
        (None, Some(email), Some(password)) => Some(Proof::Password { email, password }),
        (None, None, None) => {
            if !["token", "email", "password"].iter().any(|name| fields.has_error(name)) {
                let message = "`token` is missing, or else `email` and `password`";
                fields.report::<()>("token", code::MISSING, message);
            }
            None
        }
        (None, None, Some(_)) => fields.report("email", code::MISSING, "`email` is missing: whose password is it?"),
        (None, Some(_), None) => fields.report("password", code::MISSING, "`password` is missing"),
        (Some(_), ..) => fields.report("token", code::INVALID, "stands beside `email` or `password`; send either"),
    };
    fields.finish()?;
    Ok((checked(proof)?, name))
}

/// Whether the user was signed in from that address before. Nobody learns from it whether there is such a user: it only
/// decides how failures are counted.
async fn is_familiar(gateway: &Gateway, stranger: &Stranger, email: &str) -> Result<bool, ApiError> {
    let db = gateway.database.reader();
    let Some(user) = store::identities::user(db, email).await? else { return Ok(false) };
    let since = gateway.clock.now().minus(FAMILIAR);
    Ok(store::sessions::has_come_from(db, user.id, &stranger.address, since).await?)
}

async fn by_password(
    gateway: &Gateway,
    stranger: &Stranger,
    email: &str,
    password: SecretString,
    name: Option<String>,
) -> Result<SignedIn, Refused> {
    let known = store::identities::user(gateway.database.reader(), email).await?;
    let hash = known.as_ref().and_then(|user| user.password_hash.clone());
    // Somebody who is not known, or has no password, takes as long.
    let right = gateway.identity.passwords.verify(hash, password).await.map_err(busy)?;
    // The same words whether the address or the password is wrong.
    let wrong = || Refused::of(guard::unauthorized("the e-mail address or the password is wrong"), email);
    let Some(user) = known.filter(|_| right) else { return Err(wrong()) };
    let organisation = user.organisation_id;
    admit(user.status).map_err(|error| Refused { organisation, ..Refused::of(error, email) })?;
    let tx = gateway.database.begin().await?;
    // It may have changed while the password was checked.
    let now = store::identities::user_by_id(&tx, user.id).await?;
    let Some(user) = now.filter(|now| now.password_hash == user.password_hash) else { return Err(wrong()) };
    admit(user.status).map_err(|error| Refused { organisation, ..Refused::of(error, email) })?;
    let way = Way { method: SignInMethod::Password, name, stranger };
    let signed_in = sessions::begin(gateway, &tx, &user, way).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// Whether a user may sign in.
pub(super) fn admit(status: UserStatus) -> Result<(), ApiError> {
    match status {
        UserStatus::Active => Ok(()),
        UserStatus::Pending => Err(ApiError::new(Code::Forbidden, "the user waits for an administrator's approval")),
        UserStatus::Revoked => Err(ApiError::new(Code::Forbidden, "the user may not sign in any more")),
    }
}

async fn by_token(
    gateway: &Gateway,
    stranger: &Stranger,
    secret: &SecretString,
    name: Option<String>,
) -> Result<SignedIn, Refused> {
    let text = secret.expose_secret();
    match credential::kind_of(text) {
        Some(CredentialKind::SignInToken) if !credential::check(CredentialKind::SignInToken, text) => {
            return Err(guard::unauthorized("the token is damaged: its checksum is wrong").into());
        }
        Some(CredentialKind::PersonalToken) => {
            let error = guard::unauthorized("that is a personal token: it needs no sign-in");
            return Err(error.hint("send it as `Authorization: Bearer …`").into());
        }
        _ => {}
    }
    let now = gateway.clock.now();
    let tx = gateway.database.begin().await?;
    let found = bearers::by_hash(&tx, bearers::Kind::SignIn, &credential::hash(text)).await?;
    let unknown = || Refused::from(guard::unauthorized("the sign-in token is not known"));
    let bearer = found.ok_or_else(unknown)?;
    let Holder::User { id, email } = &bearer.holder else { return Err(unknown()) };
    let organisation = bearer.organisation.as_ref().map(|organisation| organisation.id);
    let refused = |error: ApiError| Refused { organisation, ..Refused::of(error, email.clone()) };
    let used = || ApiError::new(Code::TokenRevoked, "the sign-in token was used before, or replaced by a newer one");
    if bearer.token.revoked_at.is_some() {
        return Err(refused(used()));
    }
    guard::check(gateway, &bearer).map_err(refused)?;
    if !store::tokens::revoke(&tx, bearer.token.id, now).await? {
        return Err(refused(used()));
    }
    let user = store::identities::user_by_id(&tx, *id).await?.ok_or_else(unknown)?;
    let way = Way { method: SignInMethod::OneTimeToken, name, stranger };
    let signed_in = sessions::begin(gateway, &tx, &user, way).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// Who the caller is.
#[utoipa::path(
    get, path = "/api/whoami", tag = "session", operation_id = "whoami",
    responses((status = 200, description = "The caller.", body = WhoAmI), Refusals)
)]
pub(in crate::management) async fn whoami(caller: Caller) -> Json<WhoAmI> {
    let person = caller.user_id().is_some();
    let name = Some(caller.name().to_owned());
    let mut token = caller.token.clone();
    // A session's token is renewed: what ends is the session.
    token.expires_at = caller.session.map_or(token.expires_at, |session| session.ends_at);
    Json(WhoAmI {
        user_id: caller.user_id(),
        email: name.clone().filter(|_| person),
        service_account_id: caller.service_account_id(),
        service_account: name.filter(|_| !person),
        role: caller.role,
        organisation: caller.organisation.clone(),
        session: caller.session.map(|session| session.id),
        token,
    })
}
