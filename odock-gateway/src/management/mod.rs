//! The control plane: the management API under `/api`.
//!
//! | module | is |
//! | --- | --- |
//! | `router` | every route, and the OpenAPI document made from them |
//! | `frame` `problem` `body` `query` `refusals` | what every call and answer has in common |
//! | `access` | who may do what: the table, and the guard before every handler |
//! | `engine` | declares resources: one way for create, patch and apply |
//! | `crud`, and one file a resource | handlers |

mod about;
mod access;
mod admin;
mod apikeys;
mod apply;
mod attempts;
mod audit;
mod audit_log;
mod body;
mod budgets;
mod crud;
mod engine;
mod frame;
mod ledger;
mod live;
mod models;
mod organisations;
mod overlays;
mod problem;
mod provider_test;
mod providers;
mod query;
mod quotas;
mod refusals;
mod router;
mod session;
mod simulate;
mod teams;
mod usage;
mod users;

pub use self::router::{openapi, router};
