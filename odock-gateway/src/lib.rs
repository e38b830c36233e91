//! The Odock gateway: data plane and management API in one binary.
//!
//! | module | is |
//! | --- | --- |
//! | [`gateway`] | everything wired together, once |
//! | [`config`] [`telemetry`] [`cli`] | what it is told, what it tells, how it is started |
//! | [`http`] | listeners, transport layers, the routes of the data plane and the error shapes of its dialects |
//! | [`pipeline`] | the way of a request, stage by stage: read this first |
//! | [`probe`] | tries a provider, for the control plane |
//! | [`auth`] [`identity`] [`limits`] [`models`] [`routing`] [`ledger`] [`idempotency`] [`jobs`] [`usage`] [`live`] | engines: the rules, free of HTTP |
//! | [`providers`] | wire formats of the upstreams, pure |
//! | [`hot`] [`store`] | shared hot state, and the system of record |
//! | [`workers`] | a thread a core, for the connections of callers |
//! | [`spool`] | bodies that are too large to be held in memory |
//! | [`management`] | the control plane |
//!
//! Arrows point one way: `http → pipeline → engines → hot, store, providers → entity`.

pub mod auth;
pub mod bootstrap;
pub mod cli;
pub mod clock;
pub mod config;
pub mod credential;
pub mod data_dir;
pub mod demo;
pub mod error;
pub mod gateway;
pub mod hot;
pub mod http;
pub mod idempotency;
pub mod identity;
pub mod jobs;
pub mod ledger;
pub mod limits;
pub mod live;
pub mod management;
pub mod models;
pub mod pipeline;
pub mod probe;
pub mod providers;
pub mod rewrap;
pub mod routing;
pub mod secrets;
pub mod serve;
pub mod spool;
pub mod store;
pub mod telemetry;
pub mod usage;
pub mod workers;
