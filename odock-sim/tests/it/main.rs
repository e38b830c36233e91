//! The simulated upstream, seen by a plain HTTP client.

#![allow(clippy::unwrap_used)]

mod access;
mod answers;
mod families;
mod faults;
mod streams;
mod support;
mod transit;
