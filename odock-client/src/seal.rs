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

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::Nonce;
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::{KeySize, OaepPrivateDecryptingKey, PrivateDecryptingKey};

    use super::*;

    fn gateway() -> (EncryptionKey, OaepPrivateDecryptingKey) {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let der = private.public_key().as_der().unwrap().as_ref().to_vec();
        let key = EncryptionKey {
            key_id: "k1".into(),
            alg: ALGORITHM.into(),
            public_key: BASE64_STANDARD.encode(der),
            fingerprint_key: BASE64_STANDARD.encode([7; 32]),
        };
        (key, OaepPrivateDecryptingKey::new(private).unwrap())
    }

    fn open(private: &OaepPrivateDecryptingKey, envelope: &Envelope) -> String {
        let decode = |text: &str| BASE64_STANDARD.decode(text).unwrap();
        let mut key = vec![0; private.min_output_size()];
        let key = private.decrypt(&OAEP_SHA256_MGF1SHA256, &decode(&envelope.wrapped_key), &mut key, None).unwrap();
        let nonce = Nonce::try_assume_unique_for_key(&decode(&envelope.iv)).unwrap();
        let mut text = decode(&envelope.ciphertext);
        let opener = RandomizedNonceKey::new(&AES_256_GCM, key).unwrap();
        String::from_utf8(opener.open_in_place(nonce, Aad::empty(), &mut text).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn only_the_private_key_opens_what_is_sealed() {
        let (key, private) = gateway();
        let sealer = Sealer::new(&key).unwrap();
        let clear = "sk-proj-0123456789abcdef-naïve";
        let secret = sealer.seal(&SecretString::from(clear)).unwrap();
        let envelope = secret.sealed.as_ref().unwrap();
        assert_eq!(open(&private, envelope), clear);
        assert_eq!((envelope.v, envelope.alg.as_str(), envelope.key_id.as_str()), (1, ALGORITHM, "k1"));
        let sent = serde_json::to_string(&secret).unwrap();
        assert!(!sent.contains("0123456789") && !format!("{secret:?}{sealer:?}").contains("0123456789"));
    }

    #[test]
    fn equal_secrets_have_equal_fingerprints_and_different_envelopes() {
        let (key, _) = gateway();
        let sealer = Sealer::new(&key).unwrap();
        let seal = |text: &str| sealer.seal(&SecretString::from(text)).unwrap();
        assert_eq!(seal("a").fingerprint, seal("a").fingerprint);
        assert_ne!(seal("a").fingerprint, seal("b").fingerprint);
        assert_ne!(seal("a").sealed, seal("a").sealed);
        // printf a | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707… (32 bytes)
        assert_eq!(seal("a").fingerprint, "4e7004bebac287656f96a29d4b16be2d4aa352cf8871cd2222f27bd0240e6118");
    }

    #[test]
    fn previews_of_short_secrets_say_nothing() {
        assert_eq!(preview("0123456789abcde"), "…");
        assert_eq!(preview("0123456789abcdef"), "0123…cdef");
        assert_eq!(preview("ééééééééééééàààà"), "éééé…àààà");
    }

    #[test]
    fn damaged_keys_are_refused() {
        let (key, _) = gateway();
        let refused = |change: fn(&mut EncryptionKey)| {
            let mut damaged = key.clone();
            change(&mut damaged);
            Sealer::new(&damaged).err()
        };
        assert_eq!(refused(|key| key.alg = "none".into()), Some(SealError::Algorithm));
        assert_eq!(refused(|key| key.public_key = "%".into()), Some(SealError::Key));
        assert_eq!(refused(|key| key.public_key = BASE64_STANDARD.encode("no key")), Some(SealError::Key));
        assert_eq!(
            refused(|key| key.fingerprint_key = BASE64_STANDARD.encode("short")),
            Some(SealError::FingerprintKey)
        );
        assert_eq!(Sealer::new(&key).unwrap().seal(&SecretString::from("")).err(), Some(SealError::Empty));
    }
}
