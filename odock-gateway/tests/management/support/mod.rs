//! What tests build on.

mod api;
mod people;
#[path = "../../it/support/stack.rs"]
#[allow(dead_code, reason = "shared with the suite of the data plane")]
mod stack;

pub(crate) use self::api::{Answer, Api};
pub(crate) use self::people::{manifest, sealed};

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
