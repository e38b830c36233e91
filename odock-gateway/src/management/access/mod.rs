//! Who may do what: one table, one place that asks it.
//!
//! [`table`] says it, [`guard`] enforces it before any handler runs, [`caller`] is what handlers get to know.

pub(super) mod caller;
pub(super) mod guard;
pub(super) mod table;
