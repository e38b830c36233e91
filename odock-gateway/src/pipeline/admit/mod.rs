//! May this caller speak?

pub(crate) mod authenticate;
pub(in crate::pipeline) mod early_gate;
mod identify;
mod pre_auth_gate;
mod receive;

pub use self::authenticate::{Authenticated, authenticate};
pub use self::early_gate::{Cleared, Step, early_gate, overdue};
pub use self::identify::{Identified, identify};
pub use self::pre_auth_gate::{Admitted, pre_auth_gate};
pub use self::receive::{REQUEST_ID, Received};
