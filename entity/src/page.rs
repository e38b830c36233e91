//! Pages of lists.

use serde::{Deserialize, Serialize};

/// The most items that a page may hold.
pub const MAX_LIMIT: u32 = 1_000;
/// The items that a page holds when nothing was asked for.
pub const DEFAULT_LIMIT: u32 = 100;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page begins: pass it back as `cursor`. Absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One event of a stream of server-sent events (WHATWG HTML, section 9.2), field by field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerSentEvent {
    /// What kind of event it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What it says, in JSON.
    pub data: String,
    /// Where to go on after it: the `Last-Event-ID` of the next connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}
