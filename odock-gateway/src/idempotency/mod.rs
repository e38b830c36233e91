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

use aws_lc_rs::digest;
use bytes::Bytes;
use entity::ApiKeyId;
use http::HeaderMap;

pub use self::answer::Answer;
pub use self::claim::{Claim, Written};
use crate::config;
use crate::hot::HotStore;
use crate::hot::once::{Begun, Fingerprint};
use crate::secrets::{ContentCipher, Sealing};
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
    cipher: Option<ContentCipher>,
}

impl Idempotency {
    /// Keeps claims in `hot`. Answers that leave this process are encrypted under a key that follows from the sealing key.
    pub fn new(config: config::Idempotency, hot: Arc<dyn HotStore>, sealing: &Sealing) -> Arc<Self> {
        // Without a cipher, where one is needed, nothing would be kept.
        let cipher = (hot.kind() != "memory").then(|| ContentCipher::new(sealing)).flatten();
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
        cipher.seal(key, clear).map(Into::into)
    }

    fn open(&self, key: &str, kept: Bytes) -> Option<Bytes> {
        let Some(cipher) = &self.cipher else { return Some(kept) };
        cipher.open(key, &kept).map(Into::into)
    }
}

/// The header that names a request for those who repeat it.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The longest key.
const MAX_KEY: usize = 255;

/// The key that a request presents, if it does.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn presented(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err("the request has more than one Idempotency-Key");
    }
    let is_visible = |text: &&str| text.bytes().all(|byte| byte.is_ascii_graphic());
    match value.to_str().ok().filter(is_visible) {
        Some(name) if (1..=MAX_KEY).contains(&name.len()) => Ok(Some(name)),
        _ => Err("the Idempotency-Key must have 1 to 255 visible ASCII characters"),
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
