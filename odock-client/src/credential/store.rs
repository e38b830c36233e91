//! Stores that keep tokens between runs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// How long a keyring may take. D-Bus can hang for ever when nobody answers.
const LIMIT: Duration = Duration::from_secs(3);

/// Why a store failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no store here.
    #[error("there is no keyring here: {0}")]
    Missing(String),
    /// The store is there and will not open.
    #[error("the keyring is locked or refuses: {0}")]
    Refused(String),
    /// The store did not answer.
    #[error("the keyring did not answer within {} s", LIMIT.as_secs())]
    TimedOut,
    /// What the store holds is no text.
    #[error("the keyring holds something that is no token")]
    Garbled,
}

/// Keeps tokens under account names. Calls block: run them by [`bounded`].
pub trait CredentialStore: Send + Sync {
    /// The token of an account, if there is one.
    ///
    /// # Errors
    /// The store failed.
    fn get(&self, account: &str) -> Result<Option<SecretString>, StoreError>;

    /// Keeps a token.
    ///
    /// # Errors
    /// The store failed.
    fn set(&self, account: &str, token: &SecretString) -> Result<(), StoreError>;

    /// Forgets a token; one that is not there is forgotten already.
    ///
    /// # Errors
    /// The store failed.
    fn delete(&self, account: &str) -> Result<(), StoreError>;

    /// Finds out whether a token could be kept, by keeping one: a locked keyring says yes until it is asked to.
    ///
    /// # Errors
    /// The store failed.
    fn probe(&self) -> Result<(), StoreError> {
        const ACCOUNT: &str = "probe";
        self.set(ACCOUNT, &SecretString::from("probe"))?;
        let kept = self.get(ACCOUNT)?.is_some_and(|token| token.expose_secret() == "probe");
        self.delete(ACCOUNT)?;
        if kept { Ok(()) } else { Err(StoreError::Refused("it forgot what it was given".into())) }
    }
}

/// Runs a store's call on a thread of its own, for 3 s at the most.
///
/// # Errors
/// The call failed, or did not return in time; its thread is then left to itself.
pub async fn bounded<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // Not `spawn_blocking`: the runtime would wait at its end for a thread that hangs.
    std::thread::spawn(move || {
        // The receiver is gone when the time was up.
        let _ = sender.send(call());
    });
    match tokio::time::timeout(LIMIT, receiver).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(StoreError::Refused("its library failed".into())),
        Err(_) => Err(StoreError::TimedOut),
    }
}

/// A store in memory.
#[derive(Default)]
pub struct MemoryStore {
    kept: Mutex<HashMap<String, SecretString>>,
}

impl CredentialStore for MemoryStore {
    fn get(&self, account: &str) -> Result<Option<SecretString>, StoreError> {
        Ok(self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned())
    }

    fn set(&self, account: &str, token: &SecretString) -> Result<(), StoreError> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(account.to_owned(), token.clone());
        Ok(())
    }

    fn delete(&self, account: &str) -> Result<(), StoreError> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
        Ok(())
    }
}

/// No store at all, with the reason.
#[derive(Clone, Copy, Debug)]
pub struct NoStore(pub &'static str);

impl CredentialStore for NoStore {
    fn get(&self, _: &str) -> Result<Option<SecretString>, StoreError> {
        Err(StoreError::Missing(self.0.into()))
    }

    fn set(&self, _: &str, _: &SecretString) -> Result<(), StoreError> {
        Err(StoreError::Missing(self.0.into()))
    }

    fn delete(&self, _: &str) -> Result<(), StoreError> {
        Err(StoreError::Missing(self.0.into()))
    }
}
