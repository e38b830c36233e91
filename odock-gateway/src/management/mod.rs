//! The control plane: the management API under `/api`.
//!
//! | module | is |
//! | --- | --- |
//! | `router` | every route, and the OpenAPI document made from them |
//! | `frame` `problem` `body` `query` `refusals` | what every call and answer has in common |
//! | `access` | who may do what: the table, and the guard before every handler |
//! | `engine` | declares resources: one way for create, patch and apply |
//! | `identity` | who somebody is: signing in, tokens, invitations, service accounts |
//! | `crud` `collection`, and one file a resource | handlers |
//! | `watch` | what changes, as it changes |
//! | `repeat` | writes that are sent again |

mod about;
mod access;
mod admin;
mod analytics;
mod apikeys;
mod apply;
mod audit;
mod audit_log;
mod body;
mod budgets;
mod catalogue;
mod collection;
mod crud;
mod engine;
mod frame;
mod identity;
mod ledger;
mod live;
mod models;
mod organisations;
mod overlays;
mod owners;
mod problem;
mod provider_test;
mod providers;
mod query;
mod quotas;
mod refusals;
mod repeat;
mod router;
mod secrets;
mod service_accounts;
mod settings;
mod simulate;
mod teams;
mod usage;
mod users;
mod watch;

pub use self::router::{openapi, router};
