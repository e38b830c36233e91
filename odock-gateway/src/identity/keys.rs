//! The keys of issuers, from their discovery documents (OpenID Connect Discovery 1.0, section 4; RFC 7517).
//!
//! Keys are kept for ten minutes. A token that names a key which is not among them has them read again, once a minute at the
//! most for each issuer, so that strangers cannot make the gateway ask. While an issuer does not answer, its keys of less
//! than an hour ago still count.

use std::sync::Arc;
use std::time::Duration;

use entity::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use moka::sync::Cache;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::fetch::{FetchError, Fetcher};

const FRESH: Duration = Duration::from_secs(10 * 60);
const USABLE: Duration = Duration::from_secs(60 * 60);
/// The least time between two questions of an issuer that has answered, and of one that has not.
const PAUSE: Duration = Duration::from_secs(60);
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(10);
/// Issuers whose keys are kept at once.
const ISSUERS: u64 = 1_000;
/// Keys that one issuer may have.
const MOST_KEYS: usize = 100;

/// Why an issuer's keys cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeysError {
    /// A document cannot be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A document is not what it should be.
    #[error("the discovery document of {issuer} {problem}")]
    Document {
        /// The issuer.
        issuer: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// What an issuer says of itself.
#[derive(Debug)]
pub struct Known {
    /// Its discovery document.
    pub discovery: Value,
    /// Its keys.
    pub keys: Vec<Jwk>,
    at: Timestamp,
}

impl Known {
    fn has(&self, id: Option<&str>) -> bool {
        id.is_none_or(|id| self.keys.iter().any(|key| key.common.key_id.as_deref() == Some(id)))
    }
}

#[derive(Debug, Default)]
struct Slot {
    known: Option<Arc<Known>>,
    /// The last question, and why it failed if it did.
    asked: Option<(Timestamp, Option<KeysError>)>,
}

/// The keys of issuers.
#[derive(Clone, Debug)]
pub struct Keys {
    fetcher: Arc<Fetcher>,
    issuers: Cache<String, Arc<Mutex<Slot>>>,
}

impl Keys {
    /// Knows nobody yet.
    #[must_use]
    pub fn new(fetcher: Arc<Fetcher>) -> Self {
        Self { fetcher, issuers: Cache::builder().max_capacity(ISSUERS).build() }
    }

    /// What is known of an issuer, asked anew if `key` is not among its keys and it was not asked a moment ago.
    ///
    /// # Errors
    /// The issuer does not answer, and what is known of it is too old.
    pub async fn of(&self, issuer: &str, key: Option<&str>, now: Timestamp) -> Result<Arc<Known>, KeysError> {
        let slot = self.issuers.get_with_by_ref(issuer, Arc::default);
        // Of many who ask at once, one asks the issuer.
        let mut slot = slot.lock().await;
        if let Some(known) = &slot.known
            && age(now, known.at) < FRESH
            && known.has(key)
        {
            return Ok(Arc::clone(known));
        }
        let may_ask = match &slot.asked {
            None => true,
            Some((at, None)) => age(now, *at) >= PAUSE,
            Some((at, Some(_))) => age(now, *at) >= PAUSE_AFTER_ERROR,
        };
        if may_ask {
            match self.ask(issuer, now).await {
                Ok(known) => {
                    slot.known = Some(Arc::new(known));
                    slot.asked = Some((now, None));
                }
                Err(error) => {
                    tracing::warn!(issuer, %error, "Could not read the keys of an issuer");
                    slot.asked = Some((now, Some(error)));
                }
            }
        }
        match (&slot.known, &slot.asked) {
            (Some(known), _) if age(now, known.at) < USABLE => Ok(Arc::clone(known)),
            (_, Some((_, Some(error)))) => Err(error.clone()),
            _ => Err(KeysError::Document { issuer: issuer.to_owned(), problem: "is too old".into() }),
        }
    }

    async fn ask(&self, issuer: &str, now: Timestamp) -> Result<Known, KeysError> {
        let wrong = |problem: String| KeysError::Document { issuer: issuer.to_owned(), problem };
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let address = Url::parse(&address).map_err(|_| wrong("has no address: the issuer is not a URL".into()))?;
        let discovery = self.fetcher.document(&address).await?;
        if discovery["issuer"].as_str() != Some(issuer) {
            return Err(wrong("is another issuer's".into()));
        }
        let jwks = discovery["jwks_uri"].as_str().and_then(|url| Url::parse(url).ok());
        let jwks = jwks.ok_or_else(|| wrong("names no `jwks_uri`".into()))?;
        let keys = read(self.fetcher.document(&jwks).await?).map_err(|problem| wrong(format!("leads to {problem}")))?;
        Ok(Known { discovery, keys, at: now })
    }
}

/// The keys that verify signatures; kinds of keys that nobody here knows are left out, as RFC 7517 asks.
fn read(document: Value) -> Result<Vec<Jwk>, String> {
    let Value::Object(mut document) = document else { return Err("keys that are no JWK set".into()) };
    let Some(Value::Array(keys)) = document.remove("keys") else { return Err("keys that are no JWK set".into()) };
    if keys.len() > MOST_KEYS {
        return Err(format!("{} keys, which is more than {MOST_KEYS}", keys.len()));
    }
    let keys = keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    let signs = |key: &Jwk| !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
    Ok(JwkSet { keys: keys.filter(signs).collect() }.keys)
}

fn age(now: Timestamp, at: Timestamp) -> Duration {
    now.since(at)
}
