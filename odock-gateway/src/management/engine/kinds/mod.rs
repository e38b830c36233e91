//! What is particular to each kind when it is declared.

mod api_key;
mod budget;
mod holder;
mod model;
mod organisation;
mod overlay;
mod provider;
mod quota;
mod team;
mod user;
mod window;

pub(super) use self::user::LAST as LAST_SUPER_ADMIN;
