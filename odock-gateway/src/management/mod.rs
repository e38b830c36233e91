//! The control plane: the management API under `/api`.
//!
//! | module | is |
//! | --- | --- |
//! | [`router`] | every route, and the OpenAPI document made from them |
//! | `frame` `problem` `body` `query` | what every call and answer has in common |
//! | `access` | who may do what: the table, and the guard before every handler |
//! | `engine` | declares resources: one way for create, patch and apply |
//! | one file a resource | its handlers |

mod access;
mod audit;
mod body;
mod engine;
mod frame;
mod problem;
mod query;
mod router;

pub use self::router::{openapi, router};
