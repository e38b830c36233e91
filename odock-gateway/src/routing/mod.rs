//! Smart routing: in which order a call's candidates are tried, when it is tried again, and which upstreams rest.
//!
//! | file | is |
//! | --- | --- |
//! | [`order`] | the candidates of a call, as its key's policy has them |
//! | [`breaker`] | how one upstream has been doing, and whether it rests |
//! | [`health`] | the breakers of this node |
//! | `pace` | how long an upstream's answers take, for calls that ask a second one |
//! | [`retry`] | when, and how often, a call is tried again |
//! | [`turns`] | whose turn it is, over all nodes |
//!
//! A breaker belongs to one credential of a provider and one model. Every call tells it what came of it, also calls that are
//! not routed; but only the routing of a call asks it. A breaker never turns a call away: while every candidate rests, the
//! one whose rest ends first is tried, once. What one node learns it keeps to itself: an upstream may well be out of reach
//! from one machine only, and the others find out within a few calls.

pub mod breaker;
mod health;
pub mod order;
mod pace;
pub mod retry;
mod turns;

pub use self::breaker::{Admission, Breaker, Permit, Verdict};
pub use self::health::Health;
pub use self::turns::Turns;
