//! The management API from outside: the router itself, on a fresh database for each test.
//!
//! By default on SQLite and the in-process hot store. `ODOCK_TEST_STACK=servers` runs the same suite on the Postgres and
//! Redis named by `ODOCK_TEST_POSTGRES_URL` and `ODOCK_TEST_REDIS_URL`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod apply;
mod apply_mistakes;
mod audit;
mod authorisation;
mod catalogue;
mod deleting;
mod documents;
mod examples;
mod identity;
mod keys;
mod ledger;
mod limits;
mod live;
mod lost_answers;
mod ownership;
mod pending_keys;
mod probes;
mod provider_test;
mod pruning;
mod reach;
mod repeats;
mod resources;
mod rewrap;
mod routing;
mod saved_plans;
mod session;
mod simulate;
mod support;
mod usage;
mod usage_ranking;
mod watch;
