//! Provider credentials, opened just before use and kept in clear only briefly.

use std::sync::Arc;
use std::time::Duration;

use entity::ProviderKeyId;
use http::{HeaderName, HeaderValue};
use moka::sync::Cache;
use secrecy::{ExposeSecret, SecretString};

use super::target::KeyRef;
use crate::secrets::{SealError, Sealing};
use entity::vocab::ProviderType;

/// A header that carries a credential, and the credential itself so that it can be recognised in answers.
pub struct Credential {
    /// The header's name.
    pub name: HeaderName,
    /// The header's value, marked sensitive.
    pub value: HeaderValue,
    secret: SecretString,
}

impl Credential {
    fn new(provider: ProviderType, secret: SecretString) -> Option<Self> {
        let text = secret.expose_secret();
        let plain = match provider {
            ProviderType::AzureOpenAi => Some("api-key"),
            ProviderType::Anthropic => Some("x-api-key"),
            ProviderType::Google => Some("x-goog-api-key"),
            _ => None,
        };
        let (name, value) = match plain {
            Some(name) => (HeaderName::from_static(name), HeaderValue::from_str(text)),
            None => (http::header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {text}"))),
        };
        let mut value = value.ok()?;
        value.set_sensitive(true);
        Some(Self { name, value, secret })
    }

    /// Replaces the credential wherever it stands in `body`.
    #[must_use]
    pub fn scrub(&self, body: bytes::Bytes) -> bytes::Bytes {
        let secret = self.secret.expose_secret().as_bytes();
        if secret.is_empty() || memchr::memmem::find(&body, secret).is_none() {
            return body;
        }
        let mut clean = Vec::with_capacity(body.len());
        let mut rest = &body[..];
        while let Some(at) = memchr::memmem::find(rest, secret) {
            clean.extend_from_slice(&rest[..at]);
            clean.extend_from_slice(b"[redacted]");
            rest = &rest[at + secret.len()..];
        }
        clean.extend_from_slice(rest);
        clean.into()
    }
}

/// Opens credentials.
pub struct Credentials {
    sealing: Arc<Sealing>,
    open: Cache<(ProviderType, ProviderKeyId, String), Arc<Credential>>,
}

impl Credentials {
    /// Opens with `sealing` and keeps what it opened for `ttl`.
    pub fn new(sealing: Arc<Sealing>, ttl: Duration) -> Self {
        Self { sealing, open: Cache::builder().max_capacity(10_000).time_to_live(ttl).build() }
    }

    /// The header to send; `None` where the upstream wants none.
    ///
    /// # Errors
    /// When the credential cannot be opened, or is not something that a header can carry.
    pub async fn header(&self, provider: ProviderType, key: &KeyRef) -> Result<Option<Arc<Credential>>, SealError> {
        match key {
            KeyRef::None => Ok(None),
            KeyRef::Configured(secret) => usable(provider, secret.clone()).map(Some),
            // The envelope's nonce is part of the name: a rotated credential is another one. So is the family, which says
            // in which header it goes and which may be changed.
            KeyRef::Sealed(id, envelope) => {
                let name = (provider, *id, envelope.iv.clone());
                if let Some(open) = self.open.get(&name) {
                    return Ok(Some(open));
                }
                // RSA takes about a millisecond, for which the other requests of this thread should not wait. Of many who
                // ask at once, one opens.
                let (open, sealing, envelope) = (self.open.clone(), Arc::clone(&self.sealing), envelope.clone());
                let opening = tokio::task::spawn_blocking(move || {
                    open.try_get_with(name, || sealing.open(&envelope).and_then(|secret| usable(provider, secret)))
                });
                let opened = opening.await.map_err(|_| SealError::Interrupted)?;
                opened.map(Some).map_err(|error| SealError::clone(&error))
            }
        }
    }
}

/// The credential as a header, if one can carry it.
fn usable(provider: ProviderType, secret: SecretString) -> Result<Arc<Credential>, SealError> {
    let credential = Credential::new(provider, secret).map(Arc::new);
    credential.ok_or(SealError::Malformed("secret, which no HTTP header can carry,"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_cut_out_of_answers() {
        let credential = Credential::new(ProviderType::OpenAi, "sk-secret".to_owned().into()).unwrap();
        let body = credential.scrub(bytes::Bytes::from_static(b"bad key sk-secret and sk-secret!"));
        assert_eq!(&body[..], b"bad key [redacted] and [redacted]!");
        assert!(format!("{:?}", credential.value).contains("Sensitive"));
    }

    #[test]
    fn a_credential_that_no_header_can_carry_is_refused() {
        assert!(Credential::new(ProviderType::OpenAi, "line\nbreak".to_owned().into()).is_none());
    }
}
