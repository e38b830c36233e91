//! Claims on idempotency keys in Redis.

use std::time::Duration;

use bytes::Bytes;

use super::RedisStore;
use crate::hot::HotError;
use crate::hot::once::{Begun, Claim, Outcome};

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX >> 12)
}

impl RedisStore {
    pub(super) async fn begin_once(&self, key: &str, claim: Claim<'_>) -> Result<Begun, HotError> {
        let mut call = self.begin.key(self.key(&format!("once:{key}")));
        call.arg(claim.fingerprint.as_slice()).arg(claim.owner).arg(ms(claim.lease)).arg(ms(claim.ttl));
        let mut connection = self.connection();
        let (state, first, answer): (String, String, Vec<u8>) = self.prompt(call.invoke_async(&mut connection)).await?;
        match state.as_str() {
            "fresh" => Ok(Begun::Fresh),
            "open" => Ok(Begun::InProgress(first)),
            "other" => Ok(Begun::Other(first)),
            "kept" => Ok(Begun::Kept(Bytes::from(answer))),
            "not_kept" => Ok(Begun::NotKept(first)),
            "unknown" => Ok(Begun::Unknown(first)),
            _ => Err(HotError(format!("a claim is in the state {state}, which this version does not know").into())),
        }
    }

    pub(super) async fn end_once(
        &self,
        key: &str,
        owner: &str,
        outcome: Option<(&Outcome, Duration)>,
    ) -> Result<(), HotError> {
        let mut call = self.finish.key(self.key(&format!("once:{key}")));
        let (word, answer, ttl) = match outcome {
            Some((Outcome::Kept(answer), ttl)) => ("kept", answer.as_ref(), ttl),
            Some((other, ttl)) => (other.word(), b"".as_slice(), ttl),
            None => ("release", b"".as_slice(), Duration::ZERO),
        };
        call.arg(owner).arg(word).arg(answer).arg(ms(ttl));
        let mut connection = self.connection();
        self.prompt(call.invoke_async(&mut connection)).await
    }
}
