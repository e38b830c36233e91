//! The operating system's keyring.

use keyring::{Entry, Error};
use secrecy::{ExposeSecret, SecretString};

use super::{CredentialStore, StoreError};

/// The service under which tokens are kept.
const SERVICE: &str = "odock";

/// The operating system's keyring: Keychain, Credential Manager, Secret Service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keyring;

impl Keyring {
    fn entry(account: &str) -> Result<Entry, StoreError> {
        // The reason of a missing store stands in its status; the entry's own error does not repeat it.
        if let Err(error) = Entry::store_status() {
            return Err(failed(error));
        }
        Entry::new(SERVICE, account).map_err(|error| failed(&error))
    }
}

fn failed(error: &Error) -> StoreError {
    match error {
        Error::NoDefaultStore => StoreError::Missing("the system offers none".into()),
        Error::PlatformFailure(cause) => StoreError::Missing(cause.to_string()),
        Error::NoStorageAccess(cause) => StoreError::Refused(cause.to_string()),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => StoreError::Garbled,
        other => StoreError::Refused(other.to_string()),
    }
}

impl CredentialStore for Keyring {
    fn get(&self, account: &str) -> Result<Option<SecretString>, StoreError> {
        match Self::entry(account)?.get_password() {
            Ok(token) => Ok(Some(token.into())),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    fn set(&self, account: &str, token: &SecretString) -> Result<(), StoreError> {
        Self::entry(account)?.set_password(token.expose_secret()).map_err(|error| failed(&error))
    }

    fn delete(&self, account: &str) -> Result<(), StoreError> {
        match Self::entry(account)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }
}
