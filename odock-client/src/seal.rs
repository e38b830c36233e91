//! Secrets made unreadable for everybody but the data plane, on the administrator's own machine.
//!
//! A fresh AES-256-GCM key encrypts the secret, and the gateway's RSA key wraps it by OAEP with SHA-256 (RFC 8017).

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use entity::envelope::{ALGORITHM, EncryptionKey, Envelope, Secret, VERSION};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Why a secret could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The gateway seals in a way that this client does not know.
    #[error("the gateway seals secrets by an algorithm that this version does not know; update odockctl")]
    Algorithm,
    /// The gateway's public key cannot be used.
    #[error("the gateway's encryption key is damaged: it is not a base64 RSA key of at least 2048 bits")]
    Key,
    /// The gateway's fingerprint key cannot be used.
    #[error("the gateway's fingerprint key is damaged: it is not 32 bytes of base64")]
    FingerprintKey,
    /// There is nothing to seal.
    #[error("the secret is empty")]
    Empty,
    /// The cryptographic library failed.
    #[error("the secret could not be encrypted")]
    Crypto,
}

impl From<aws_lc_rs::error::Unspecified> for SealError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}

/// Seals secrets for one gateway.
pub struct Sealer {
    key_id: String,
    public: OaepPublicEncryptingKey,
    fingerprint: hmac::Key,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl Sealer {
    /// A sealer for the gateway whose key this is.
    ///
    /// # Errors
    /// The key is damaged or of an unknown algorithm.
    pub fn new(key: &EncryptionKey) -> Result<Self, SealError> {
        if key.alg != ALGORITHM {
            return Err(SealError::Algorithm);
        }
        let der = BASE64_STANDARD.decode(&key.public_key).map_err(|_| SealError::Key)?;
        let public = PublicEncryptingKey::from_der(&der).map_err(|_| SealError::Key)?;
        let public = OaepPublicEncryptingKey::new(public).map_err(|_| SealError::Key)?;
        if public.key_size_bits() < 2048 {
            return Err(SealError::Key);
        }
        let fingerprint = BASE64_STANDARD.decode(&key.fingerprint_key).map_err(|_| SealError::FingerprintKey)?;
        if fingerprint.len() != 32 {
            return Err(SealError::FingerprintKey);
        }
        Ok(Self { key_id: key.key_id.clone(), public, fingerprint: hmac::Key::new(hmac::HMAC_SHA256, &fingerprint) })
    }

    /// Seals a secret.
    ///
    /// # Errors
    /// The secret is empty, or cryptography failed.
    pub fn seal(&self, secret: &SecretString) -> Result<Secret, SealError> {
        let clear = secret.expose_secret();
        if clear.is_empty() {
            return Err(SealError::Empty);
        }
        Ok(Secret {
            preview: preview(clear),
            fingerprint: self.fingerprint(secret),
            sealed: Some(self.envelope(clear)?),
        })
    }

    /// The fingerprint alone: equal secrets have equal ones.
    #[must_use]
    pub fn fingerprint(&self, secret: &SecretString) -> String {
        let tag = hmac::sign(&self.fingerprint, secret.expose_secret().as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn envelope(&self, clear: &str) -> Result<Envelope, SealError> {
        let mut content_key = Zeroizing::new([0_u8; 32]);
        rand::fill(&mut content_key[..])?;
        // Room for the tag from the start: growing would leave a copy of the clear text behind.
        let mut buffer = Vec::with_capacity(clear.len() + AES_256_GCM.tag_len());
        buffer.extend_from_slice(clear.as_bytes());
        let nonce = RandomizedNonceKey::new(&AES_256_GCM, &content_key[..])?
            .seal_in_place_append_tag(Aad::empty(), &mut buffer)?;
        let mut wrapped = vec![0; self.public.ciphertext_size()];
        let wrapped = self.public.encrypt(&OAEP_SHA256_MGF1SHA256, &content_key[..], &mut wrapped, None)?;
        Ok(Envelope {
            v: VERSION,
            alg: ALGORITHM.to_owned(),
            key_id: self.key_id.clone(),
            wrapped_key: BASE64_STANDARD.encode(wrapped),
            iv: BASE64_STANDARD.encode(nonce.as_ref()),
            ciphertext: BASE64_STANDARD.encode(buffer),
        })
    }
}

/// The first and last four characters of a long secret; of a short one, nothing.
#[must_use]
pub fn preview(secret: &str) -> String {
    let characters: Vec<char> = secret.chars().collect();
    if characters.len() < 16 {
        return "…".to_owned();
    }
    let end = characters.len() - 4;
    characters[..4].iter().chain(&['…']).chain(&characters[end..]).collect()
}
