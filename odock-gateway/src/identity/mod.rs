//! Who somebody is: passwords, and the word of other issuers. Knows no routes and no tables.
//!
//! | module | is |
//! | --- | --- |
//! | `password` | Argon2id, a few at a time |
//! | `attempts` | who guesses is slowed down |
//! | `fetch` | asks issuers, within bounds |
//! | `keys` | the keys of issuers, as they rotate |
//! | `jwt` | a token of an issuer, read and proven |
//! | `rules` `glob` | whether a proven token is what a service account trusts |
//! | `device` | signing in by a code in a browser (RFC 8628) |

mod attempts;
mod device;
mod fetch;
mod glob;
mod jwt;
mod keys;
mod password;
mod rules;

use std::sync::Arc;
use std::time::Duration;

use entity::Timestamp;
use entity::row::SecretHash;
use moka::sync::Cache;

pub use self::attempts::{Attempt, Attempts, TooSoon};
pub use self::device::{Begun, Device, DeviceError, External, Poll};
pub use self::fetch::{FetchError, Fetcher};
pub use self::glob::matches as glob_matches;
pub use self::jwt::{JwtError, MAX_TOKEN, SKEW, Token};
pub use self::keys::{Keys, KeysError};
pub use self::password::{Busy, LEAST, MOST, Passwords};
pub use self::rules::{Misfit, fitting};
use crate::config;
use crate::hot::HotStore;

/// Who somebody is.
#[derive(Debug)]
pub struct Identity {
    /// Passwords.
    pub passwords: Passwords,
    /// Failed sign-ins.
    pub attempts: Attempts,
    /// The keys of issuers.
    pub keys: Keys,
    /// Identity providers.
    pub devices: Device,
    /// Tokens whose refusal was noted a moment ago.
    noted: Cache<String, ()>,
}

impl Identity {
    /// As it is configured.
    #[must_use]
    pub fn new(config: &config::Identity, allow_link_local: bool, hot: Arc<dyn HotStore>) -> Self {
        let fetcher = Arc::new(Fetcher::new(config, allow_link_local));
        let keys = Keys::new(Arc::clone(&fetcher));
        Self {
            passwords: Passwords::default(),
            attempts: Attempts::new(hot),
            devices: Device::new(config.providers.clone(), fetcher, keys.clone()),
            keys,
            noted: Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(60)).build(),
        }
    }

    /// Whether the refusal of a token is to be noted: once a minute, however often it is tried.
    #[must_use]
    pub fn is_news(&self, token: &SecretHash) -> bool {
        self.noted.entry_by_ref(&token.0).or_insert(()).is_fresh()
    }

    /// The issuer's token, proven and within its time.
    ///
    /// # Errors
    /// What is wrong with it, or why its issuer's keys cannot be had.
    pub async fn prove(&self, token: &mut Token, now: Timestamp) -> Result<(), ProveError> {
        prove(&self.keys, token, now).await
    }
}

/// Why a token is not proven.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// It is not good.
    #[error(transparent)]
    Token(#[from] JwtError),
    /// Its issuer's keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

async fn prove(keys: &Keys, token: &mut Token, now: Timestamp) -> Result<(), ProveError> {
    // Before anybody is asked for keys: a token that is over is over whoever signed it.
    token.check_times(now)?;
    let known = keys.of(token.issuer(), token.key_id(), now).await?;
    token.check_signature(&known)?;
    Ok(())
}
