//! Identities of other issuers: signing in with a code in a browser, and exchanging a pipeline's token.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::vocab::{IdentityKind, Scope};
use crate::{Timestamp, session};

/// Somebody whose word the gateway takes for who a person is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdentityProvider {
    /// What it is called here.
    pub name: String,
    /// Its protocol.
    pub kind: IdentityKind,
    /// What the issuer calls itself.
    pub issuer: String,
}

/// The ways in which people can sign in: the answer of `GET /api/auth/providers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdentityProviders {
    /// Identity providers, in the order of the configuration.
    pub providers: Vec<IdentityProvider>,
}

/// The body of `POST /api/auth/device`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BeginDevice {
    /// The identity provider; may be left out where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What the session will be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An invitation to accept with that identity: `odock-inv-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
}

/// What somebody has to do in a browser.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DevicePrompt {
    /// What to ask with whether it was done: a secret.
    pub handle: String,
    /// The identity provider.
    pub provider: String,
    /// The code to type.
    pub user_code: String,
    /// Where to type it.
    pub verification_uri: String,
    /// The same with the code in it, if the provider has such a thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri_complete: Option<String>,
    /// Until when.
    pub expires_at: Timestamp,
    /// Seconds to wait between two questions.
    pub interval: u64,
}

impl fmt::Debug for DevicePrompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevicePrompt").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// The body of `POST /api/auth/device/poll`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PollDevice {
    /// The handle of the prompt.
    pub handle: String,
}

/// How a sign-in in a browser stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeviceState {
    /// Seconds to wait before the next question; absent once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<u64>,
    /// The session, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in: Option<session::SignedIn>,
}

/// The grant of a token exchange (RFC 8693, section 2.1).
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The type of the tokens that are exchanged (RFC 8693, section 3).
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// Another name for it.
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// The type of the tokens that are given (RFC 8693, section 3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The body of `POST /api/auth/exchange`: RFC 8693 in JSON.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// `urn:ietf:params:oauth:grant-type:token-exchange`, which it also is when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// The pipeline's OpenID token.
    pub subject_token: String,
    /// `urn:ietf:params:oauth:token-type:jwt` or `…:id_token`, which it also is when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_token_type: Option<String>,
    /// The service account, as `organisation/name`.
    pub service_account: String,
}

/// A token of a service account for a token of an issuer that it trusts (RFC 8693, section 2.2.1).
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Exchanged {
    /// The token: `odock-sat-…`.
    pub access_token: String,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    pub issued_token_type: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds until it stops working.
    pub expires_in: u64,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The service account, as `organisation/name`.
    pub service_account: String,
    /// The rule that matched.
    pub rule: String,
}

impl fmt::Debug for Exchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanged").field("service_account", &self.service_account).finish_non_exhaustive()
    }
}
