//! What is asked, where to, who pays?

mod decode;
pub(in crate::pipeline) mod detour;
pub(in crate::pipeline) mod final_gate;
mod idempotency;
pub(crate) mod look;
pub(in crate::pipeline) mod reserve;
pub(crate) mod route;

pub use self::decode::{Decoded, decode};
pub use self::final_gate::{Fitted, final_gate};
pub use self::idempotency::{New, Once, Repeated, idempotency};
pub use self::reserve::{Reserved, reserve};
pub use self::route::{Plan, Routed, route};
