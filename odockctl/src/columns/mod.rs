//! How everything that can be listed looks as a table.

mod access;
mod resources;
mod usage;

pub use access::ContextRow;

use entity::Timestamp;
use uuid::Uuid;

/// The instant of every example.
fn at() -> Timestamp {
    Timestamp(1_814_313_600_000_000)
}

/// The id of every example.
fn id() -> Uuid {
    Uuid::nil()
}

/// Text of something that may be absent.
fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
