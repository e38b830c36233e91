//! Failed attempts in Redis: one script a step.

use std::time::Duration;

use redis::{AsyncCommands, ScriptInvocation};

use super::RedisStore;
use crate::hot::HotError;
use crate::hot::attempts::{Counted, SharedAttempts, Tally, Verdict};

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX >> 12)
}

impl RedisStore {
    fn tally(&self, key: &str) -> String {
        self.key(&format!("attempts:{key}"))
    }

    fn attempts_step(&self, step: &str, memory: Duration, tallies: &[Tally]) -> ScriptInvocation<'_> {
        let mut call = self.attempts.arg(step);
        call.arg(ms(memory));
        for tally in tallies {
            call.key(self.tally(&tally.key));
            call.arg(tally.free).arg(ms(tally.most)).arg(u8::from(tally.forgives)).arg(u8::from(tally.counts));
        }
        call
    }
}

#[async_trait::async_trait]
impl SharedAttempts for RedisStore {
    async fn attempt(&self, tallies: &[Tally], memory: Duration) -> Result<Verdict, HotError> {
        let call = self.attempts_step("attempt", memory, tallies);
        let mut connection = self.connection();
        let (wait, bounds): (u64, Vec<i64>) = self.prompt(call.invoke_async(&mut connection)).await?;
        if wait > 0 {
            return Ok(Verdict::Wait(Duration::from_millis(wait)));
        }
        let counted = tallies.iter().filter(|tally| tally.counts).zip(bounds.chunks_exact(2));
        Ok(Verdict::May(
            counted.map(|(tally, at)| Counted { key: tally.key.clone(), before: at[0], since: at[1] }).collect(),
        ))
    }

    async fn count(&self, tally: &Tally, memory: Duration) -> Result<(), HotError> {
        let call = self.attempts_step("count", memory, std::slice::from_ref(tally));
        let mut connection = self.connection();
        let _: (u64, Vec<i64>) = self.prompt(call.invoke_async(&mut connection)).await?;
        Ok(())
    }

    async fn take_back(&self, counted: &[Counted]) -> Result<(), HotError> {
        if counted.is_empty() {
            return Ok(());
        }
        let mut call = self.attempts.arg("take back");
        for it in counted {
            call.key(self.tally(&it.key)).arg(it.before).arg(it.since);
        }
        let mut connection = self.connection();
        let _: (u64, Vec<i64>) = self.prompt(call.invoke_async(&mut connection)).await?;
        Ok(())
    }

    async fn forget(&self, key: &str) -> Result<(), HotError> {
        let mut connection = self.connection();
        self.prompt(connection.del(self.tally(key))).await
    }
}
