//! A session that is kept: its access token until that expires, and its refresh token for the next one.
//!
//! Several programs may share it. A refresh token works once, and a second use ends the session, so a lock file makes them
//! take turns: whoever comes second finds what the first has kept.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use entity::session::SignedIn;
use entity::{SessionId, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::source::{Coming, TokenSource};
use super::{CredentialError, CredentialStore, Reference, StoreError, bounded, file};
use crate::http::{Client, ClientError};

/// An access token is renewed this long before it expires.
const EARLY: Duration = Duration::from_secs(30);
/// How long another program may hold the lock.
const PATIENCE: Duration = Duration::from_secs(40);

/// A session as it is kept: one line of JSON.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptSession {
    /// Always 1.
    v: u8,
    /// The session.
    pub session: SessionId,
    access_token: String,
    /// When the access token expires.
    pub access_expires_at: Timestamp,
    refresh_token: String,
    /// When the session ends unless it is renewed.
    pub expires_at: Timestamp,
}

impl KeptSession {
    /// Reads what was kept; `None` if it is a plain token.
    #[must_use]
    pub fn read(kept: &SecretString) -> Option<Self> {
        let text = kept.expose_secret();
        serde_json::from_str(text).ok().filter(|kept: &Self| text.starts_with('{') && kept.v == 1)
    }

    /// As it is kept.
    #[must_use]
    pub fn line(&self) -> SecretString {
        let text = Zeroizing::new(serde_json::to_string(self).unwrap_or_default());
        SecretString::from(text.as_str())
    }

    /// The access token.
    #[must_use]
    pub fn access(&self) -> SecretString {
        SecretString::from(self.access_token.as_str())
    }

    fn works(&self, refused: Option<&SecretString>) -> bool {
        self.access_expires_at > Timestamp::now().plus(EARLY)
            && refused.is_none_or(|refused| refused.expose_secret() != self.access_token)
    }
}

impl From<&SignedIn> for KeptSession {
    fn from(signed_in: &SignedIn) -> Self {
        Self {
            v: 1,
            session: signed_in.session.id,
            access_token: signed_in.access_token.clone(),
            access_expires_at: signed_in.access_expires_at,
            refresh_token: signed_in.refresh_token.clone(),
            expires_at: signed_in.session.expires_at,
        }
    }
}

impl Drop for KeptSession {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.access_token.zeroize();
        self.refresh_token.zeroize();
    }
}

/// The tokens of a kept session.
pub struct SessionTokens {
    place: Place,
    known: Mutex<KeptSession>,
}

/// Where a session is kept.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) reference: Reference,
    /// The file of a `file:` reference, with the home directory in it.
    pub(super) path: PathBuf,
    pub(super) store: Arc<dyn CredentialStore>,
    pub(super) locks: PathBuf,
}

impl SessionTokens {
    pub(super) fn new(place: Place, known: KeptSession) -> Self {
        Self { place, known: Mutex::new(known) }
    }

    async fn renew(&self, gateway: &Client, refused: Option<&SecretString>) -> Result<SecretString, ClientError> {
        let mut known = self.known.lock().await;
        if known.works(refused) {
            return Ok(known.access());
        }
        let _turn = self.place.lock().await?;
        let kept = self.place.read().await?;
        let kept = KeptSession::read(&kept)
            .ok_or_else(|| ClientError::SignedOut(format!("{} no longer holds a session", self.place.reference)))?;
        if kept.works(refused) {
            *known = kept;
            return Ok(known.access());
        }
        // From here on the refresh token is spent: what it becomes must be kept before anything else.
        let signed_in = gateway.refresh(&SecretString::from(kept.refresh_token.as_str())).await?;
        let next = KeptSession::from(&signed_in);
        self.place.write(next.line()).await.map_err(|reason| {
            ClientError::SignedOut(format!(
                "the session was renewed and cannot be kept in {}: {reason}",
                self.place.reference
            ))
        })?;
        *known = next;
        Ok(known.access())
    }
}

impl TokenSource for SessionTokens {
    fn token<'a>(&'a self, gateway: &'a Client, refused: Option<&'a SecretString>) -> Coming<'a> {
        Box::pin(self.renew(gateway, refused))
    }
}

impl Place {
    /// Waits for the turn, which ends when the file is dropped, or this program is killed.
    async fn lock(&self) -> Result<File, ClientError> {
        let name: String =
            self.reference.to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let path = self.locks.join(format!("{name}.lock"));
        let failed =
            |error: &std::io::Error| ClientError::Invalid(format!("{} cannot be locked: {error}", path.display()));
        let file = open(&path).map_err(|error| failed(&error))?;
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(ClientError::Invalid(format!("another program holds {}", path.display())));
                }
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
            }
        }
    }

    async fn read(&self) -> Result<SecretString, ClientError> {
        let from = self.reference.to_string();
        let empty = || CredentialError::Empty { from: from.clone() };
        let read = match &self.reference {
            Reference::Keyring(account) => {
                let (store, account) = (Arc::clone(&self.store), account.clone());
                let found = bounded(move || store.get(&account)).await;
                found
                    .map_err(|error| CredentialError::Store { from: from.clone(), error })
                    .and_then(|found| found.ok_or_else(empty))
            }
            _ => file::read(&self.path, &from),
        };
        read.map_err(|error| ClientError::SignedOut(error.to_string()))
    }

    async fn write(&self, line: SecretString) -> Result<(), String> {
        match &self.reference {
            Reference::Keyring(account) => {
                let (store, account) = (Arc::clone(&self.store), account.clone());
                bounded(move || store.set(&account, &line)).await.map_err(|error: StoreError| error.to_string())
            }
            _ => file::write(&self.path, &line).map_err(|error| error.to_string()),
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(directory) = path.parent() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            builder.mode(0o700);
        }
        builder.create(directory)?;
    }
    File::options().create(true).truncate(false).write(true).open(path)
}
