//! What is particular to each kind when it is declared.

mod api_key;
mod budget;
mod holder;
mod key_secret;
mod model;
mod organisation;
mod overlay;
mod provider;
mod quota;
mod service_account;
mod team;
mod user;
mod window;

pub(in crate::management) use self::key_secret::PENDING;
pub(super) use self::user::LAST as LAST_SUPER_ADMIN;
