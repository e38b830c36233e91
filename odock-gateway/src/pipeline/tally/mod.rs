//! What it cost, what happened.

mod keep;
mod open;
mod record;
mod respond;
mod say;
mod settle;

pub use self::keep::{keep, let_go};
pub use self::open::Open;
pub(in crate::pipeline) use self::record::{begin, sent, sent_on};
pub use self::respond::{accepted, again, denied, interrupted, respond};
pub use self::say::say;
pub use self::settle::{Ending, Settlement};
