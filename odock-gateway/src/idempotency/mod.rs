//! Idempotency keys: a request that is repeated under the same key is not made again; it gets the first one's answer.
//!
//! A key is claimed before anything is paid for. The claim ends with the answer, or is given up if nothing came of the
//! request. Once a request was sent and nobody knows what came of it, the claim stays: the same request is never sent twice,
//! not even after a crash. Answers are content, so the shared store gets them encrypted.
//!
//! On Redis a claim outlives the node that made it. In-process state ends with its process.

mod answer;
mod claim;

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest;
use bytes::Bytes;
use entity::ApiKeyId;

pub use self::answer::Answer;
pub use self::claim::{Claim, Written};
use crate::config;
use crate::hot::HotStore;
use crate::hot::once::{Begun, Fingerprint};
use crate::secrets::Sealing;
use crate::store::principals::hex;

/// What came of claiming a key.
#[derive(Debug)]
pub enum Claimed {
    /// The request is the first with its key.
    First(Claim),
    /// It was made before, and this is its answer.
    Again(Box<Answer>),
    /// It is under way; the first one's id.
    InProgress(String),
    /// The key belongs to another request; its id.
    Other(String),
    /// It was made before, and its answer was not kept; the first one's id.
    NotKept(String),
    /// It may have been made before; the first one's id.
    Unknown(String),
}

/// Keys cannot be claimed at present.
#[derive(Debug, thiserror::Error)]
#[error("idempotency keys cannot be claimed: {0}")]
pub struct Unavailable(#[from] crate::hot::HotError);

/// Idempotency keys, and what came of the requests that carried them.
pub struct Idempotency {
    config: config::Idempotency,
    hot: Arc<dyn HotStore>,
    /// Encrypts answers where they leave this process.
    cipher: Option<RandomizedNonceKey>,
}

impl Idempotency {
    /// Keeps claims in `hot`. Answers that leave this process are encrypted under a key that follows from the sealing key.
    pub fn new(config: config::Idempotency, hot: Arc<dyn HotStore>, sealing: &Sealing) -> Arc<Self> {
        let key = (hot.kind() != "memory").then(|| sealing.answers_key());
        // A key of 32 bytes is never refused; without a cipher nothing would be kept.
        let cipher = key.and_then(|key| RandomizedNonceKey::new(&AES_256_GCM, key).ok());
        Arc::new(Self { config, hot, cipher })
    }

    /// Claims a key of the caller `api_key` for the request `owner`, which takes no longer than `lease`.
    ///
    /// # Errors
    /// When nobody can say whether it was claimed before.
    pub async fn claim(
        self: &Arc<Self>,
        api_key: ApiKeyId,
        name: &str,
        fingerprint: Fingerprint,
        owner: &str,
        lease: std::time::Duration,
    ) -> Result<Claimed, Unavailable> {
        let key = format!("{}:{}", api_key.0.simple(), hex(&hash(&[name.as_bytes()])));
        let asked = crate::hot::once::Claim { owner, fingerprint, lease, ttl: self.config.ttl };
        // Before it is asked for: whoever hangs up meanwhile, or is not answered, may have it all the same.
        let mut claim = Claim::new(Arc::clone(self), key.clone(), owner.to_owned());
        let begun = self.hot.begin(&key, asked).await?;
        if begun != Begun::Fresh {
            claim.is_anothers();
        }
        Ok(match begun {
            Begun::Fresh => Claimed::First(claim),
            Begun::InProgress(first) => Claimed::InProgress(first),
            Begun::Other(first) => Claimed::Other(first),
            Begun::NotKept(first) => Claimed::NotKept(first),
            Begun::Unknown(first) => Claimed::Unknown(first),
            Begun::Kept(bytes) => match self.open(&key, bytes).and_then(Answer::read) {
                Some(answer) => Claimed::Again(Box::new(answer)),
                None => {
                    tracing::warn!("a kept answer cannot be opened: do all nodes have the same sealing key?");
                    Claimed::NotKept("before".into())
                }
            },
        })
    }

    /// The largest answer that is kept, in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.config.max_bytes
    }

    /// An answer as it may leave this process: a nonce and the ciphertext, bound to its key.
    fn seal(&self, key: &str, clear: Vec<u8>) -> Option<Bytes> {
        let Some(cipher) = &self.cipher else { return (self.hot.kind() == "memory").then(|| clear.into()) };
        let mut content = clear;
        let nonce = cipher.seal_in_place_append_tag(Aad::from(key.as_bytes()), &mut content).ok()?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + content.len());
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut content);
        Some(sealed.into())
    }

    fn open(&self, key: &str, kept: Bytes) -> Option<Bytes> {
        let Some(cipher) = &self.cipher else { return Some(kept) };
        let (nonce, content) = kept.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::assume_unique_for_key(nonce.try_into().ok()?);
        let mut content = content.to_vec();
        let length = cipher.open_in_place(nonce, Aad::from(key.as_bytes()), &mut content).ok()?.len();
        content.truncate(length);
        Some(content.into())
    }
}

/// What a request asks for.
#[must_use]
pub fn fingerprint(endpoint: &str, body: &[u8]) -> Fingerprint {
    hash(&[endpoint.as_bytes(), b"\0", body])
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
