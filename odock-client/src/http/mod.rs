//! Typed calls of the management API.
//!
//! | file | holds |
//! | --- | --- |
//! | `client` `request` `reply` | the connection, one request with its retries, what came back |
//! | `retry` | what is tried again, and when |
//! | `error` | everything that can go wrong, in terms of the caller |
//! | `path` `query` | addresses that cannot be bent by names in them |
//! | `calls` `organisation` `admin` `simulate` | one method a route |
//! | `sse` `live` | server-sent events, read byte by byte |

mod admin;
mod calls;
mod client;
mod error;
mod live;
mod organisation;
mod path;
mod query;
mod reply;
mod request;
mod retry;
mod simulate;
mod sse;
#[cfg(test)]
mod tests;

pub use admin::Admin;
pub use client::{Client, ClientBuilder};
pub use error::ClientError;
pub use live::decode as decode_live;
pub use organisation::{ApiKeys, OrganisationApi, ProviderKeys, TeamMembers, Wire};
pub use path::Path;
pub use query::{AuditQuery, InvoiceQuery, ListQuery, LiveQuery, SummaryQuery, TopQuery, UsageQuery};
pub use request::{Answer, Request};
pub use retry::Backoff;
pub use simulate::Simulate;
pub use sse::{Event, EventDecoder, EventTooLarge};
