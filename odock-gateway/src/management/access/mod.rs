//! Who may do what: one table, one place that asks it.
//!
//! [`table`] says it, [`guard`] enforces it before any handler runs, [`caller`] is what handlers get to know, among that how
//! far the caller reaches. [`bounds`] keeps those who reach less than everything from granting more than they hold,
//! [`standing`] holds streams against it, [`matrix`] prints the table and [`can_i`] answers from it.

pub(super) mod bounds;
pub(super) mod caller;
pub(super) mod can_i;
pub(super) mod guard;
pub(super) mod matrix;
pub(super) mod standing;
pub(super) mod table;
