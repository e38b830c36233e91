//! Watching a collection: what is there, and then what changes, as server-sent events.
//!
//! The audit log is the feed: every change is an event of its organisation's chain, numbered in the order of commits, whichever
//! node made it. A watch follows the chain's numbers, reads what the events are about as it is now, and tells that. So a
//! watch can go on where another ended, misses nothing, and tells a resource that changed twice in a moment once.

mod hub;
mod stream;

pub(super) use self::hub::Hub;
pub(super) use self::stream::{open, open_audit};
