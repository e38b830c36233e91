//! The core as a whole: messages in, effects and pictures out. No terminal, no network, no clock but our own.

#![allow(unreachable_pub, missing_docs, clippy::unwrap_used, reason = "a test binary")]

#[path = "../support/mod.rs"]
mod support;

mod actions;
mod fuzz;
mod limits;
mod link;
mod pictures;
mod projection;
mod providers;
mod secrets;
mod world;
