//! Signing in by a code that somebody types in a browser (RFC 8628), with any OpenID provider and with GitHub.

mod github;
mod openid;

use std::sync::Arc;
use std::time::Duration;

use entity::Timestamp;
use entity::identity::IdentityProvider as Shown;
use entity::vocab::IdentityKind;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::ProveError;
use super::fetch::{FetchError, Fetcher};
use super::keys::{Keys, KeysError};
use crate::config::IdentityProvider;

/// Seconds between two questions unless the provider says otherwise (RFC 8628, section 3.2).
const INTERVAL: u64 = 5;
/// What `slow_down` adds to them (section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest wait between two questions.
const SLOWEST: Duration = Duration::from_secs(120);
/// The longest that a code is waited for.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Why somebody cannot sign in with a provider.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// It cannot be asked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What it says of itself cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Its word cannot be proven.
    #[error("the provider's token is not good: {0}")]
    Prove(#[from] ProveError),
    /// It refuses the gateway, or answers with something else.
    #[error("the identity provider {provider} {problem}")]
    Provider {
        /// Its name here.
        provider: String,
        /// What is wrong.
        problem: String,
    },
}

/// A code to type, and how to find out that it was typed.
#[derive(Debug)]
pub struct Begun {
    /// What the provider knows the sign-in by: the gateway's secret.
    pub device_code: SecretString,
    /// What somebody types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    /// How long there is.
    pub expires_in: Duration,
    /// How long to wait between two questions.
    pub interval: Duration,
}

/// Who a provider says that somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Who says so.
    pub issuer: String,
    /// What they call them, for ever.
    pub subject: String,
    /// Their e-mail address, if the provider has verified it.
    pub email: Option<String>,
    /// What people call them.
    pub name: Option<String>,
}

/// How a sign-in stands.
#[derive(Debug)]
pub enum Poll {
    /// Nobody has typed the code yet.
    Pending,
    /// The provider wants to be asked less often, and may say how often.
    SlowDown(Option<Duration>),
    /// The person said no.
    Denied,
    /// It took too long.
    Expired,
    /// It is this person.
    Done(External),
}

/// The identity providers that people sign in with.
#[derive(Debug)]
pub struct Device {
    providers: Vec<IdentityProvider>,
    fetcher: Arc<Fetcher>,
    keys: Keys,
}

impl Device {
    pub(super) fn new(providers: Vec<IdentityProvider>, fetcher: Arc<Fetcher>, keys: Keys) -> Self {
        Self { providers, fetcher, keys }
    }

    /// The providers, as anybody may know them.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        let shown = |it: &IdentityProvider| Shown { name: it.name.clone(), kind: it.kind, issuer: it.issuer.clone() };
        self.providers.iter().map(shown).collect()
    }

    /// A provider by its name.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&IdentityProvider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// Asks a provider for a code.
    ///
    /// # Errors
    /// It gives none.
    pub async fn begin(&self, provider: &IdentityProvider, now: Timestamp) -> Result<Begun, DeviceError> {
        let answer = match provider.kind {
            IdentityKind::OpenId => openid::begin(&self.fetcher, &self.keys, provider, now).await?,
            IdentityKind::GitHub => github::begin(&self.fetcher, provider).await?,
        };
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let missing = |name: &str| wrong(provider, format!("gave a code without `{name}`"));
        let seconds = |name: &str| answer[name].as_u64().or_else(|| answer[name].as_f64().map(|it| it as u64));
        let begun = Begun {
            device_code: SecretString::from(text("device_code").ok_or_else(|| missing("device_code"))?),
            user_code: visible(&text("user_code").ok_or_else(|| missing("user_code"))?),
            // An older draft spells it otherwise, and so do providers.
            verification_uri: text("verification_uri")
                .or_else(|| text("verification_url"))
                .ok_or_else(|| missing("verification_uri"))?,
            verification_uri_complete: text("verification_uri_complete"),
            expires_in: Duration::from_secs(seconds("expires_in").unwrap_or(600)).min(LONGEST),
            interval: Duration::from_secs(seconds("interval").unwrap_or(INTERVAL).clamp(1, 60)),
        };
        // People will be told to open these.
        let web = |text: &String| Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
        if !web(&begun.verification_uri) || begun.verification_uri_complete.as_ref().is_some_and(|url| !web(url)) {
            return Err(wrong(provider, "gave a code that is to be typed where no web page is"));
        }
        Ok(begun)
    }

    /// Asks a provider whether the code was typed, and by whom.
    ///
    /// # Errors
    /// It cannot be asked, or its answer is not good.
    pub async fn poll(
        &self,
        provider: &IdentityProvider,
        device_code: &SecretString,
        now: Timestamp,
    ) -> Result<Poll, DeviceError> {
        match provider.kind {
            IdentityKind::OpenId => openid::poll(&self.fetcher, &self.keys, provider, device_code, now).await,
            IdentityKind::GitHub => github::poll(&self.fetcher, provider, device_code).await,
        }
    }

    /// How long to wait between two questions after `slow_down`: five seconds longer than before, or what the provider says
    /// if that is more.
    #[must_use]
    pub fn slower(before: Duration, said: Option<Duration>) -> Duration {
        let longer = before.saturating_add(SLOWER);
        said.unwrap_or_default().max(longer).min(SLOWEST)
    }
}

/// The grant of RFC 8628, section 3.4.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What the fields of a question for tokens are.
fn grant(device_code: &SecretString) -> [(&'static str, String); 2] {
    [("grant_type", GRANT.to_owned()), ("device_code", device_code.expose_secret().to_owned())]
}

/// How a sign-in stands, where the provider has no tokens to give; `None` where it has.
fn unfinished(provider: &IdentityProvider, answer: &Value) -> Result<Option<Poll>, DeviceError> {
    Ok(Some(match answer["error"].as_str() {
        None => return Ok(None),
        Some("authorization_pending") => Poll::Pending,
        Some("slow_down") => Poll::SlowDown(answer["interval"].as_u64().map(Duration::from_secs)),
        Some("access_denied") => Poll::Denied,
        Some("expired_token") => Poll::Expired,
        Some(error) => return Err(refused(provider, error, answer)),
    }))
}

fn refused(provider: &IdentityProvider, error: &str, answer: &Value) -> DeviceError {
    let why = answer["error_description"].as_str().unwrap_or_default();
    wrong(provider, format!("refused the gateway: {} {}", visible(error), visible(why)).trim_end().to_owned())
}

fn wrong(provider: &IdentityProvider, problem: impl Into<String>) -> DeviceError {
    DeviceError::Provider { provider: provider.name.clone(), problem: problem.into() }
}

/// A text of somebody else's, as it can be shown.
fn visible(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
