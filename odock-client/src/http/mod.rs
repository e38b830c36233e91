//! Typed calls of the management API.
//!
//! | file | holds |
//! | --- | --- |
//! | `client` `request` `reply` `streaming` | the connection, one request with its retries, what came back, whole or in pieces |
//! | `retry` | what is tried again, and when |
//! | `error` | everything that can go wrong, in terms of the caller |
//! | `path` `query` | addresses that cannot be bent by names in them |
//! | `calls` `identity` `organisation` `admin` `simulate` | one method a route |
//! | `sse` `live` `watch` `audit` | server-sent events, read byte by byte |
//! | `probe` | one look at who answers, for `odockctl doctor` |

mod admin;
mod audit;
mod calls;
mod client;
mod error;
mod identity;
mod live;
mod organisation;
mod path;
mod probe;
mod query;
mod reply;
mod request;
mod retry;
mod simulate;
mod sse;
mod streaming;
#[cfg(test)]
mod tests;
mod watch;

pub use admin::Admin;
pub use audit::{AuditNews, AuditQuery};
pub use client::{Client, ClientBuilder};
pub use error::ClientError;
pub use live::decode as decode_live;
pub use organisation::{ApiKeys, OrganisationApi, ProviderKeys, TeamMembers, Wire};
pub use path::Path;
pub use probe::Probe;
pub use query::{InvoiceQuery, ListQuery, LiveQuery, SummaryQuery, TopQuery, UsageQuery};
pub use request::{Answer, Request};
pub use retry::Backoff;
pub use simulate::Simulate;
pub use sse::{Event, EventDecoder, EventTooLarge};
pub use watch::{WatchEvent, Watched};
