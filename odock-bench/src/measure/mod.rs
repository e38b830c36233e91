//! The figures, and the load that they are taken under.

mod cell;
mod connection;
pub(crate) mod held;
pub(crate) mod ledger;
mod load;
pub(crate) mod procfs;
mod requests;
mod rounds;
pub(crate) mod start;
mod stats;

pub(crate) use cell::{Cell, Kind};
pub(crate) use connection::{Connection, Request};
pub(crate) use rounds::{Reading, rounds};
pub(crate) use stats::median;
