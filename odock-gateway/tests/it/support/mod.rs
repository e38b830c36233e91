//! What tests build on.

mod fleet;
mod gateway;
mod postgres;
mod redis;
mod routed;
mod stack;

pub(crate) use self::fleet::{Fleet, NewModel, PROVIDER_SECRET};
pub(crate) use self::gateway::{Answer, TestGateway, chat, stream};
pub(crate) use self::postgres::PostgresServer;
pub(crate) use self::redis::RedisServer;
pub(crate) use self::routed::{Routed, Tried, failed, served, skipped};
pub(crate) use self::stack::Stack;

use std::time::{Duration, Instant};

/// Waits until `ready` gives something; panics after ten seconds.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ready: impl FnMut() -> F) -> T {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = ready().await {
            return found;
        }
        assert!(Instant::now() < end, "waited ten seconds for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
