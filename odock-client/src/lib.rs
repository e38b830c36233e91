//! What `odockctl` and `odock-tui` share: the typed client of the management API, contexts, credentials, sealing, manifests.
//!
//! | module | holds |
//! | --- | --- |
//! | [`http`] | typed calls with retries, pages, the live stream |
//! | [`context`] | named gateways in `config.toml` |
//! | [`credential`] | where the token comes from and where it is kept |
//! | [`seal`] | secrets made unreadable for everybody but the data plane |
//! | [`manifest`] | files that declare resources |
//! | [`virtual_key`] | virtual keys drawn on this side |

pub mod context;
pub mod credential;
pub mod http;
pub mod manifest;
pub mod seal;
pub mod virtual_key;

pub use http::{Client, ClientBuilder, ClientError};
