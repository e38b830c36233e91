//! Policies and rate limits: what each scope allows, and the gates that ask.

mod scope;

pub use self::scope::{OverlayRule, Scope};
