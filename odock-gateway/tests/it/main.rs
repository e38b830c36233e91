//! The data plane from outside: a real gateway on a real socket, a scripted upstream, a fresh database for each test.
//!
//! By default on SQLite and the in-process hot store. `ODOCK_TEST_STACK=servers` runs the same suite on the Postgres and
//! Redis named by `ODOCK_TEST_POSTGRES_URL` and `ODOCK_TEST_REDIS_URL`.

#![allow(clippy::unwrap_used, reason = "what tests build on fails as loudly as they do")]

mod access;
mod budgets;
mod caps;
mod cores;
mod errors;
mod families;
mod fidelity;
mod hot;
mod idempotency;
mod jobs;
mod journal;
mod ledger_crash;
mod ledger_model;
mod limits;
mod meters;
mod money_days;
mod money_outages;
mod outages;
mod process;
mod requests;
mod routing;
mod streams;
mod streams_end;
mod support;
mod unified;
mod upstreams;
