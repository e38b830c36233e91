//! What it cost, what happened.

mod open;
mod record;
mod respond;
mod settle;

pub use self::open::Open;
pub(in crate::pipeline) use self::record::sent;
pub use self::respond::{denied, respond};
pub use self::settle::{Ending, Settlement};
