//! What is particular to each kind when it is declared.

mod api_key;
mod model;
mod organisation;
mod provider;
mod team;
mod user;

pub(super) use self::user::LAST as LAST_SUPER_ADMIN;
