//! Encrypts answers where they leave this process.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use super::Sealing;

/// Encrypts content under a key that follows from the sealing key: nodes with the same key pair can read each other's.
pub struct ContentCipher(RandomizedNonceKey);

impl ContentCipher {
    /// The cipher that goes with a key pair. A key of 32 bytes is never refused.
    #[must_use]
    pub fn new(sealing: &Sealing) -> Option<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, sealing.answers_key()).ok().map(Self)
    }

    /// A nonce and the ciphertext, bound to what the content is `of`.
    #[must_use]
    pub fn seal(&self, of: &str, clear: Vec<u8>) -> Option<Vec<u8>> {
        let mut content = clear;
        let nonce = self.0.seal_in_place_append_tag(Aad::from(of.as_bytes()), &mut content).ok()?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + content.len());
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut content);
        Some(sealed)
    }

    /// The content, if it was sealed under this key and of the same thing.
    #[must_use]
    pub fn open(&self, of: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, content) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::assume_unique_for_key(nonce.try_into().ok()?);
        let mut content = content.to_vec();
        let length = self.0.open_in_place(nonce, Aad::from(of.as_bytes()), &mut content).ok()?.len();
        content.truncate(length);
        Some(content)
    }
}

impl std::fmt::Debug for ContentCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContentCipher(..)")
    }
}
