//! Seals secrets and opens what administrators sealed.
//!
//! An envelope holds a secret encrypted with a fresh AES-256-GCM key, and that key wrapped by RSA-OAEP with SHA-256
//! for the gateway's key pair. Clients seal with the public half; only the data plane opens.

mod content;
mod key_file;

use std::fmt;
use std::path::Path;
use std::str::Utf8Error;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey};
use aws_lc_rs::{digest, hkdf, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entity::envelope::{ALGORITHM, EncryptionKey, Envelope, VERSION};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

pub use self::content::ContentCipher;
use crate::config;

/// Bytes of an AES-256 key.
const CONTENT_KEY_LEN: usize = 32;

/// The key pair that secrets are sealed for.
pub struct Sealing {
    key_id: String,
    generated: bool,
    private: OaepPrivateDecryptingKey,
    public: OaepPublicEncryptingKey,
    public_der: Vec<u8>,
    fingerprint_key: Zeroizing<[u8; 32]>,
    answers_key: Zeroizing<[u8; 32]>,
    /// Older keys, which only open.
    previous: Vec<(String, OaepPrivateDecryptingKey)>,
}

/// Why there is no key pair to work with.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The key file cannot be read, made or protected.
    #[error("the sealing key {path} {doing}: {source}")]
    File {
        /// The file or directory.
        path: String,
        /// What failed.
        doing: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The key file is there but holds no usable key.
    #[error(
        "the sealing key {path} is not a PKCS#8 RSA private key of at least 2048 bits; restore it from a backup, for the secrets sealed for it are lost without it"
    )]
    NotAKey {
        /// The file.
        path: String,
    },
    /// The cryptographic library refused.
    #[error("the cryptographic library could not {0}")]
    Crypto(&'static str),
}

/// Why an envelope cannot be opened, or a secret not sealed. Never says what was inside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was sealed for another key pair.
    #[error("the secret was sealed for the key `{0}`, which this gateway does not have")]
    UnknownKey(String),
    /// Its version, algorithm or one of its parts is not as specified.
    #[error("the envelope's {0} is malformed")]
    Malformed(&'static str),
    /// It was damaged or tampered with.
    #[error("the envelope does not open: it is damaged, or was sealed for another key of the same id")]
    DoesNotOpen,
    /// The random source or the cipher failed.
    #[error("the secret could not be sealed")]
    Unsealable,
    /// The gateway stopped or failed meanwhile.
    #[error("the secret was not opened: the gateway is stopping, or failed at it; its log has the reason")]
    Interrupted,
}

impl Sealing {
    /// Takes the configured key pair, or the one in the data directory, which is made on first use.
    ///
    /// # Errors
    /// When the key file cannot be read or written.
    pub fn load(secrets: &config::Secrets, data_dir: &Path) -> Result<Self, LoadError> {
        let mut sealing = match &secrets.key_pair {
            Some(pair) => {
                let key = PrivateDecryptingKey::from_pkcs8(pair.pkcs8_der())
                    .map_err(|_| LoadError::Crypto("read secrets.private_key"))?;
                Self::from_key(key, Some(pair.id.clone()))?
            }
            None => Self::from_key(key_file::load_or_create(data_dir)?, None)?,
        };
        for pair in &secrets.previous {
            let key = PrivateDecryptingKey::from_pkcs8(pair.pkcs8_der())
                .map_err(|_| LoadError::Crypto("read secrets.previous_keys"))?;
            sealing.also_opens(pair.id.clone(), key)?;
        }
        // Whoever began with the key in the data directory and configures one later loses nothing.
        if secrets.key_pair.is_some()
            && let Some(key) = key_file::load(data_dir)?
        {
            let der: PublicKeyX509Der<'_> =
                key.public_key().as_der().map_err(|_| LoadError::Crypto("derive the public key"))?;
            let id = thumbprint(der.as_ref());
            sealing.also_opens(id, key)?;
        }
        Ok(sealing)
    }

    fn also_opens(&mut self, id: String, key: PrivateDecryptingKey) -> Result<(), LoadError> {
        if self.key_ids().any(|known| known == id) {
            return Ok(());
        }
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| LoadError::Crypto("use a previous private key"))?;
        self.previous.push((id, key));
        Ok(())
    }

    /// The ids of all keys that can open, the newest first.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.key_id.as_str()).chain(self.previous.iter().map(|(id, _)| id.as_str()))
    }

    fn private(&self, key_id: &str) -> Result<&OaepPrivateDecryptingKey, SealError> {
        if key_id == self.key_id {
            return Ok(&self.private);
        }
        let found = self.previous.iter().find(|(id, _)| id == key_id).map(|(_, key)| key);
        found.ok_or_else(|| SealError::UnknownKey(key_id.to_owned()))
    }

    fn from_key(key: PrivateDecryptingKey, key_id: Option<String>) -> Result<Self, LoadError> {
        let failed = |doing| move |_: Unspecified| LoadError::Crypto(doing);
        let public_der: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(failed("derive the public key"))?;
        let public_der = public_der.as_ref().to_vec();
        // The key as re-encoded, so that the fingerprints do not depend on how it was written down.
        let private_der: Pkcs8V1Der<'_> = key.as_der().map_err(failed("encode the private key"))?;
        let derived = |info| derive(private_der.as_ref(), info);
        let fingerprint_key = derived(b"secret fingerprint v1").map_err(failed("derive the fingerprint key"))?;
        let answers_key = derived(b"kept answers v1").map_err(failed("derive the key of kept answers"))?;
        Ok(Self {
            generated: key_id.is_none(),
            key_id: key_id.unwrap_or_else(|| thumbprint(&public_der)),
            public: OaepPublicEncryptingKey::new(key.public_key()).map_err(failed("use the public key"))?,
            private: OaepPrivateDecryptingKey::new(key).map_err(failed("use the private key"))?,
            public_der,
            fingerprint_key,
            answers_key,
            previous: Vec::new(),
        })
    }

    /// Whether the key pair is this node's own rather than configured. Nodes that share a database need a configured one.
    #[must_use]
    pub fn is_generated(&self) -> bool {
        self.generated
    }

    /// Names the key in [`Envelope::key_id`].
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// What a client needs to seal a secret.
    #[must_use]
    pub fn public(&self) -> EncryptionKey {
        EncryptionKey {
            key_id: self.key_id.clone(),
            alg: ALGORITHM.into(),
            public_key: STANDARD.encode(&self.public_der),
            fingerprint_key: STANDARD.encode(self.fingerprint_key.as_slice()),
        }
    }

    /// Says whether an envelope looks like one of ours, without opening it.
    ///
    /// # Errors
    /// Which part is wrong.
    pub fn check(&self, envelope: &Envelope) -> Result<(), SealError> {
        self.parts(envelope).map(drop)
    }

    /// Opens an envelope.
    ///
    /// # Errors
    /// When it was sealed for another key, or is malformed or damaged.
    pub fn open(&self, envelope: &Envelope) -> Result<SecretString, SealError> {
        let Parts { wrapped_key, nonce, mut ciphertext } = self.parts(envelope)?;
        let private = self.private(&envelope.key_id)?;
        let mut unwrapped = Zeroizing::new(vec![0; private.min_output_size()]);
        let key = private
            .decrypt(&OAEP_SHA256_MGF1SHA256, &wrapped_key, &mut unwrapped, None)
            .map_err(|_| SealError::DoesNotOpen)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| SealError::DoesNotOpen)?;
        let clear = key.open_in_place(nonce, Aad::empty(), &mut ciphertext).map_err(|_| SealError::DoesNotOpen)?;
        let text = std::str::from_utf8(clear).map_err(|_: Utf8Error| SealError::Malformed("content"))?;
        Ok(SecretString::from(text))
    }

    /// Seals a secret for this gateway's own key pair.
    ///
    /// # Errors
    /// When the random source or the cipher fails.
    pub fn seal(&self, secret: &SecretString) -> Result<Envelope, SealError> {
        let failed = |_| SealError::Unsealable;
        let mut key = Zeroizing::new([0_u8; CONTENT_KEY_LEN]);
        rand::fill(key.as_mut_slice()).map_err(failed)?;
        let mut wrapped = vec![0; self.public.ciphertext_size()];
        let wrapped =
            self.public.encrypt(&OAEP_SHA256_MGF1SHA256, key.as_slice(), &mut wrapped, None).map_err(failed)?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).map_err(failed)?;
        // Room for the tag, so that growing leaves no copy of the clear text behind.
        let clear = secret.expose_secret().as_bytes();
        let mut content = Zeroizing::new(Vec::with_capacity(clear.len() + AES_256_GCM.tag_len()));
        content.extend_from_slice(clear);
        let nonce = cipher.seal_in_place_append_tag(Aad::empty(), &mut *content).map_err(failed)?;
        Ok(Envelope {
            v: VERSION,
            alg: ALGORITHM.into(),
            key_id: self.key_id.clone(),
            wrapped_key: STANDARD.encode(wrapped),
            iv: STANDARD.encode(nonce.as_ref()),
            ciphertext: STANDARD.encode(content.as_slice()),
        })
    }

    /// The AES-256 key under which kept answers leave this process. Nodes with the same key pair have the same.
    fn answers_key(&self) -> &[u8; 32] {
        &self.answers_key
    }

    /// Hex of HMAC-SHA-256 over a secret: tells equal secrets, and nothing else, to whoever lacks the key.
    #[must_use]
    pub fn fingerprint(&self, secret: &SecretString) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.fingerprint_key.as_slice());
        hex(hmac::sign(&key, secret.expose_secret().as_bytes()).as_ref())
    }

    fn parts(&self, envelope: &Envelope) -> Result<Parts, SealError> {
        if envelope.v != VERSION {
            return Err(SealError::Malformed("version"));
        }
        if envelope.alg != ALGORITHM {
            return Err(SealError::Malformed("algorithm"));
        }
        let private = self.private(&envelope.key_id)?;
        let bytes = |text: &str, part| STANDARD.decode(text).map_err(|_| SealError::Malformed(part));
        let wrapped_key = bytes(&envelope.wrapped_key, "wrapped key")?;
        let nonce: [u8; NONCE_LEN] =
            bytes(&envelope.iv, "nonce")?.try_into().map_err(|_| SealError::Malformed("nonce"))?;
        let ciphertext = Zeroizing::new(bytes(&envelope.ciphertext, "ciphertext")?);
        if wrapped_key.len() != private.key_size_bytes() {
            return Err(SealError::Malformed("wrapped key"));
        }
        // A tag alone would be an empty secret.
        if ciphertext.len() <= AES_256_GCM.tag_len() {
            return Err(SealError::Malformed("ciphertext"));
        }
        Ok(Parts { wrapped_key, nonce: Nonce::assume_unique_for_key(nonce), ciphertext })
    }
}

/// An envelope's parts, decoded.
struct Parts {
    wrapped_key: Vec<u8>,
    nonce: Nonce,
    ciphertext: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// A key for one purpose: bound to the private key, so that it needs no place of its own.
fn derive(private_der: &[u8], purpose: &[u8]) -> Result<Zeroizing<[u8; 32]>, Unspecified> {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"odock").extract(private_der);
    let mut key = Zeroizing::new([0; 32]);
    extracted.expand(&[purpose], hkdf::HKDF_SHA256)?.fill(key.as_mut_slice())?;
    Ok(key)
}

/// The id of a key pair that has no configured one.
fn thumbprint(public_der: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, public_der);
    format!("local-{}", hex(&digest.as_ref()[..8]))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use aws_lc_rs::rsa::KeySize;

    use super::*;

    /// Making a key takes a second in a debug build, so the tests share one.
    static SEALING: LazyLock<(tempfile::TempDir, Sealing)> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        let sealing = Sealing::load(&config::Secrets::default(), dir.path()).unwrap();
        (dir, sealing)
    });

    fn sealed(text: &str) -> Envelope {
        SEALING.1.seal(&SecretString::from(text)).unwrap()
    }

    #[test]
    fn what_was_sealed_opens() {
        for text in ["x", "sk-proj-example", &"long ".repeat(10_000), "ключ 🔑"] {
            let envelope = sealed(text);
            assert!(!format!("{envelope:?}").contains(&envelope.ciphertext));
            SEALING.1.check(&envelope).unwrap();
            assert_eq!(SEALING.1.open(&envelope).unwrap().expose_secret(), text);
        }
        assert_ne!(sealed("x").ciphertext, sealed("x").ciphertext);
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let flip = |text: &str| {
            let mut bytes = STANDARD.decode(text).unwrap();
            bytes[3] ^= 1;
            STANDARD.encode(bytes)
        };
        let good = sealed("secret");
        let open = |envelope: Envelope| SEALING.1.open(&envelope).map(drop).unwrap_err();
        assert_eq!(open(Envelope { ciphertext: flip(&good.ciphertext), ..good.clone() }), SealError::DoesNotOpen);
        assert_eq!(open(Envelope { wrapped_key: flip(&good.wrapped_key), ..good.clone() }), SealError::DoesNotOpen);
        assert_eq!(open(Envelope { iv: flip(&good.iv), ..good.clone() }), SealError::DoesNotOpen);
        assert_eq!(open(Envelope { v: 2, ..good.clone() }), SealError::Malformed("version"));
        assert_eq!(open(Envelope { alg: "none".into(), ..good.clone() }), SealError::Malformed("algorithm"));
        assert_eq!(open(Envelope { iv: "AAAA".into(), ..good.clone() }), SealError::Malformed("nonce"));
        assert_eq!(open(Envelope { wrapped_key: "AAAA".into(), ..good.clone() }), SealError::Malformed("wrapped key"));
        assert_eq!(open(Envelope { ciphertext: "!".into(), ..good.clone() }), SealError::Malformed("ciphertext"));
        assert_eq!(open(Envelope { key_id: "other".into(), ..good }), SealError::UnknownKey("other".into()));
    }

    #[test]
    fn equal_secrets_have_equal_fingerprints() {
        let print = |text: &str| SEALING.1.fingerprint(&SecretString::from(text));
        assert_eq!(print("a"), print("a"));
        assert_ne!(print("a"), print("b"));
        assert_eq!(print("a").len(), 64);
    }

    #[test]
    fn the_next_start_finds_the_same_key() {
        let (dir, first) = &*SEALING;
        let second = Sealing::load(&config::Secrets::default(), dir.path()).unwrap();
        assert_eq!((second.key_id(), second.is_generated()), (first.key_id(), true));
        let secret = second.open(&sealed("still there")).unwrap();
        assert_eq!(secret.expose_secret(), "still there");
        assert_eq!(second.fingerprint(&secret), first.fingerprint(&secret));
    }

    #[test]
    fn older_keys_open_and_do_not_seal() {
        let (dir, old) = &*SEALING;
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let pair = config::KeyPair::new("new", der.as_ref().to_vec());
        let secrets = config::Secrets { key_pair: Some(pair), ..config::Secrets::default() };
        let new = Sealing::load(&secrets, dir.path()).unwrap();
        assert_eq!(new.key_ids().collect::<Vec<_>>(), ["new", old.key_id()]);
        assert_eq!(new.open(&sealed("moved")).unwrap().expose_secret(), "moved");
        let again = new.seal(&SecretString::from("moved")).unwrap();
        assert_eq!(again.key_id, "new");
        assert_eq!(old.open(&again).unwrap_err(), SealError::UnknownKey("new".into()));
    }
}
