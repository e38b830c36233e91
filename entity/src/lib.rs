//! What every Odock program means by the same word.
//!
//! One definition serves the database, the wire, manifests, the CLI's tables and the dashboard:
//!
//! | module | holds |
//! | --- | --- |
//! | [`ids`] [`money`] [`time`] [`calendar`] [`vocab`] | identifiers, nanos of USD, UTC microseconds, windows by the calendar, closed enums |
//! | [`policy`] [`routing`] [`pricing`] [`usage`] [`envelope`] | the values stored in JSON columns |
//! | [`ledger`] | budgets and quotas: what is left of them, and what an invoice says |
//! | [`resource`] and one file a kind | what an administrator declares (`…Spec`) and what the gateway adds (`…Status`) |
//! | [`manifest`] [`plan`] [`page`] [`problem`] [`live`] [`health`] [`probe`] [`session`] [`identity`] [`invitation`] [`audit`] | the rest of the management API's wire types |
//! | [`ownership`] | whose each field is, and the three-way merge |
//! | [`selector`] | which labels a resource must have |
//! | [`check`] | everything that is wrong with a declaration, at once; the difference of two |
//! | `row` (feature `db`) | the SeaORM entities; rows never serialise |
//!
//! Feature `db` adds SeaORM, and only the gateway asks for it. Feature `openapi` adds JSON Schemas.

pub mod access;
pub mod audit;
pub mod calendar;
pub mod catalogue;
pub mod check;
pub mod credential;
pub mod envelope;
pub mod health;
pub mod identity;
pub mod ids;
pub mod invitation;
pub mod ledger;
pub mod live;
pub mod manifest;
pub mod money;
pub mod ownership;
pub mod page;
pub mod plan;
pub mod policy;
pub mod pricing;
pub mod probe;
pub mod problem;
pub mod resource;
pub mod routing;
#[cfg(feature = "db")]
pub mod row;
pub mod selector;
pub mod session;
pub mod simulation;
pub mod time;
pub mod usage;
pub mod vocab;
mod wire;

pub use ids::*;
pub use money::{Money, MoneyError, Nanos};
pub use resource::{Kind, Resource};
pub use time::Timestamp;
