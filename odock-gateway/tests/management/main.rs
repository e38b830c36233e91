//! The management API from outside: the router itself, on a fresh database for each test.
//!
//! By default on SQLite and the in-process hot store. `ODOCK_TEST_STACK=servers` runs the same suite on the Postgres and
//! Redis named by `ODOCK_TEST_POSTGRES_URL` and `ODOCK_TEST_REDIS_URL`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod apply;
mod apply_mistakes;
mod authorisation;
mod deleting;
mod documents;
mod keys;
mod ledger;
mod limits;
mod live;
mod provider_test;
mod resources;
mod routing;
mod session;
mod simulate;
mod support;
mod usage;
