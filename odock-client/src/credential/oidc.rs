//! What a pipeline can prove about itself: an OpenID token, which the gateway exchanges for a service account's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use entity::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;
use zeroize::Zeroizing;

use super::source::{Coming, TokenSource};
use super::{file, token};
use crate::http::{Client, ClientError};

/// Where Kubernetes puts a token that is projected for Odock, unless `ODOCK_OIDC_TOKEN_FILE` says otherwise.
pub const PROJECTED: &str = "/var/run/secrets/odock/token";
/// A token is exchanged anew this long before it expires.
const EARLY: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(15);

/// Where the OpenID token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OidcSource {
    /// A file: `--oidc-token-file`, `ODOCK_OIDC_TOKEN_FILE`, or what Kubernetes projects.
    File(PathBuf),
    /// A variable, such as GitLab's `id_tokens` make.
    Variable(&'static str),
    /// GitHub Actions, asked for a new one each time.
    GitHub,
}

impl std::fmt::Display for OidcSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "the OpenID token in {}", path.display()),
            Self::Variable(name) => write!(f, "the OpenID token in {name}"),
            Self::GitHub => f.write_str("the OpenID token of GitHub Actions"),
        }
    }
}

/// A pipeline's identity, and what it is exchanged for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// Where the token comes from.
    pub source: OidcSource,
    /// The service account, as `organisation/name`.
    pub account: String,
}

/// What a run says about its identity.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// `--oidc-token-file`.
    pub file: Option<&'a Path>,
    /// `--service-account`.
    pub account: Option<&'a str>,
    /// The organisation of a service account that is named alone.
    pub organisation: Option<&'a str>,
}

/// Finds out what a pipeline can prove; `None` unless it says which service account it wants to be.
#[must_use]
pub fn detect(given: Surroundings<'_>, env: &dyn Fn(&str) -> Option<OsString>) -> Option<Oidc> {
    let text = |name: &str| env(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
    let account = given.account.map(str::to_owned).or_else(|| text("ODOCK_SERVICE_ACCOUNT"))?;
    let account = if account.contains('/') { account } else { format!("{}/{account}", given.organisation?) };
    let file = given.file.map(Path::to_owned).or_else(|| text("ODOCK_OIDC_TOKEN_FILE").map(PathBuf::from));
    let source = if let Some(path) = file {
        OidcSource::File(path)
    } else if text("ODOCK_OIDC_TOKEN").is_some() {
        OidcSource::Variable("ODOCK_OIDC_TOKEN")
    } else if text("ACTIONS_ID_TOKEN_REQUEST_URL").is_some() && text("ACTIONS_ID_TOKEN_REQUEST_TOKEN").is_some() {
        OidcSource::GitHub
    } else if Path::new(PROJECTED).exists() {
        OidcSource::File(PROJECTED.into())
    } else {
        return None;
    };
    Some(Oidc { source, account })
}

/// Tokens of a service account, exchanged for a pipeline's own.
pub struct ExchangedTokens {
    oidc: Oidc,
    audience: Option<String>,
    variable: Option<SecretString>,
    github: Option<(String, SecretString)>,
    known: Mutex<Option<(SecretString, Timestamp)>>,
}

impl ExchangedTokens {
    pub(super) fn new(oidc: Oidc, env: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| env(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
        let variable = match oidc.source {
            OidcSource::Variable(name) => text(name).map(SecretString::from),
            _ => None,
        };
        let url = text("ACTIONS_ID_TOKEN_REQUEST_URL");
        let github = url.zip(text("ACTIONS_ID_TOKEN_REQUEST_TOKEN").map(SecretString::from));
        Self { oidc, audience: text("ODOCK_OIDC_AUDIENCE"), variable, github, known: Mutex::new(None) }
    }

    async fn exchange(&self, gateway: &Client, refused: Option<&SecretString>) -> Result<SecretString, ClientError> {
        let mut known = self.known.lock().await;
        if let Some((token, until)) = &*known
            && *until > Timestamp::now()
            && refused.is_none_or(|refused| refused.expose_secret() != token.expose_secret())
        {
            return Ok(token.clone());
        }
        let proof = self.proof(gateway).await?;
        let given = gateway.exchange(&self.oidc.account, &proof).await?;
        let lasts = Duration::from_secs(given.expires_in).saturating_sub(EARLY);
        let token = SecretString::from(given.access_token);
        *known = Some((token.clone(), Timestamp::now().plus(lasts)));
        Ok(token)
    }

    async fn proof(&self, gateway: &Client) -> Result<SecretString, ClientError> {
        let from = self.oidc.source.to_string();
        let signed_out = |error: super::CredentialError| ClientError::SignedOut(error.to_string());
        match &self.oidc.source {
            // Read each time: Kubernetes puts a new one there before the old one expires.
            OidcSource::File(path) => file::read_plain(path, &from).map_err(signed_out),
            OidcSource::Variable(_) => {
                let text = self.variable.as_ref().map(|text| text.expose_secret().to_owned()).unwrap_or_default();
                token(Zeroizing::new(text), &from).map_err(signed_out)
            }
            OidcSource::GitHub => {
                let audience = self.audience.clone().unwrap_or_else(|| audience(gateway.base()));
                let (url, bearer) = self
                    .github
                    .as_ref()
                    .ok_or_else(|| ClientError::SignedOut("GitHub Actions offers no OpenID token".into()))?;
                ask_github(url, bearer, &audience).await.map_err(|reason| {
                    ClientError::SignedOut(format!(
                        "GitHub Actions gives no OpenID token: {reason}; the job needs `permissions: id-token: write`"
                    ))
                })
            }
        }
    }
}

impl TokenSource for ExchangedTokens {
    fn token<'a>(&'a self, gateway: &'a Client, refused: Option<&'a SecretString>) -> Coming<'a> {
        Box::pin(self.exchange(gateway, refused))
    }
}

/// The gateway's address is the audience that is asked for, unless `ODOCK_OIDC_AUDIENCE` says otherwise.
#[must_use]
pub fn audience(gateway: &Url) -> String {
    gateway.as_str().trim_end_matches('/').to_owned()
}

/// <https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token>
async fn ask_github(url: &str, bearer: &SecretString, audience: &str) -> Result<SecretString, String> {
    #[derive(Deserialize)]
    struct Answer {
        value: String,
    }
    let mut url = Url::parse(url).map_err(|_| "ACTIONS_ID_TOKEN_REQUEST_URL is not a URL".to_owned())?;
    url.query_pairs_mut().append_pair("audience", audience);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
    let client = client.map_err(|error| error.to_string())?;
    let answer = client.get(url).bearer_auth(bearer.expose_secret()).send().await;
    let answer = answer.map_err(|error| error.without_url().to_string())?;
    if !answer.status().is_success() {
        return Err(format!("it answered {}", answer.status().as_u16()));
    }
    let answer: Answer = answer.json().await.map_err(|_| "its answer holds none".to_owned())?;
    Ok(SecretString::from(answer.value))
}
