//! Who takes part: each a process of its own.

pub(crate) mod gateway;
pub(crate) mod passthrough;
pub(crate) mod process;
pub(crate) mod provision;
pub(crate) mod servers;
pub(crate) mod sim;

pub(crate) use process::{Launch, Party, Target};

/// The model that all unary and streamed requests ask for.
pub(crate) const MODEL: &str = "bench";

/// The model that streams in Anthropic's words ask for.
pub(crate) const MESSAGES_MODEL: &str = "bench-messages";

/// The model whose streams go on for minutes, by the simulated upstream's naming convention.
pub(crate) const HELD_MODEL: &str = "sim-hold";

/// The credential of the upstream, which the gateway holds and the pass-through lets through.
pub(crate) const UPSTREAM_KEY: &str = "sk-upstream-of-the-benchmark";

/// A runtime as every party runs on: as many workers as there are cores.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
