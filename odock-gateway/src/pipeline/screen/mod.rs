//! May this content pass?

mod plugins;
mod safety;

pub use self::plugins::{Prepared, plugins};
pub use self::safety::{Vetted, safety};
