//! Signing in, and who one is.

use serde::{Deserialize, Serialize};

use crate::vocab::{Role, Scope, SignInMethod};
use crate::{AccessTokenId, ServiceAccountId, SessionId, Timestamp, UserId};

/// The body of `POST /api/auth/sign-in`: a one-time token, or an e-mail address and a password.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignIn {
    /// A one-time sign-in token: `odock-signin-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Whose password it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What the session is called, such as the machine's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Somebody is signed in: a short access token for calls, and a refresh token for the next one. Shown this once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// What calls carry: `odock-ses-…`.
    pub access_token: String,
    /// When that stops working.
    pub access_expires_at: Timestamp,
    /// What `POST /api/auth/refresh` takes, once: `odock-ref-…`.
    pub refresh_token: String,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("session", &self.session).finish_non_exhaustive()
    }
}

/// The body of `POST /api/auth/refresh`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refresh {
    /// The session's latest refresh token. One that was used before ends the session.
    pub refresh_token: String,
}

/// Somebody who is signed in somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What it is called.
    pub name: String,
    /// How it began.
    pub method: SignInMethod,
    /// The address that it was begun or last renewed from.
    pub address: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends unless it is renewed before.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Whether it is the session of this call.
    pub current: bool,
}

/// The body of `PUT /api/auth/password`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetPassword {
    /// The password until now. Not needed within ten minutes of a sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The new one: 12 to 1024 characters, without the e-mail address in it.
    pub new: String,
}

/// The body of `POST /api/auth/tokens`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateToken {
    /// What it is for.
    pub name: String,
    /// What it may be used for: a part of what the caller's own token may.
    pub scopes: Vec<Scope>,
    /// When it stops working; 90 days from now when absent, 366 days at the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Its id.
    pub id: AccessTokenId,
    /// What it is for.
    pub name: String,
    /// Its first and last few characters.
    pub preview: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// A token with its secret: the one time that it is shown.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IssuedToken {
    /// The token.
    pub token: Token,
    /// The secret: `odock-pat-…` of a user, `odock-sat-…` of a service account.
    pub secret: String,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken").field("token", &self.token).finish_non_exhaustive()
    }
}

/// The answer of `GET /api/whoami`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WhoAmI {
    /// The user's id; absent for a service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The user's e-mail address; absent for a service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The service account's id; absent for a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_id: Option<ServiceAccountId>,
    /// The service account, as `organisation/name`; absent for a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// What the caller may do.
    pub role: Role,
    /// The slug of the caller's organisation; absent for a super admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The session of this call; absent for personal tokens and service accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The token that was used. Of a session, it expires when the session ends unless that is renewed.
    pub token: Token,
}

impl WhoAmI {
    /// What people call the caller: the e-mail address, or `organisation/name` of a service account.
    #[must_use]
    pub fn name(&self) -> &str {
        self.email.as_deref().or(self.service_account.as_deref()).unwrap_or("-")
    }
}

/// The answer of `GET /api/version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// The gateway's version.
    pub version: String,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// `memory` or `redis`.
    pub hot_store: String,
}
