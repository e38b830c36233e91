//! Query strings of lists, summaries and streams.

use std::collections::BTreeMap;

use entity::Timestamp;
use entity::usage::{Breakdown, Bucket, Ranking};
use serde::Serialize;

use super::AuditQuery;

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ListQuery {
    /// The most items of one page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// A part of the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// `name`, `createdAt`, or either with `-` before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// What else the resources must be, in the words of the collection: `team`, `revoked` and so on.
    #[serde(flatten)]
    pub filters: BTreeMap<String, String>,
}

/// Which usage records to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageQuery {
    /// The first instant that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The first instant that no longer counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// A virtual key's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A team's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// A user's e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A model's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A provider's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// How the request ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<entity::vocab::Outcome>,
    /// The HTTP status that the caller got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The published error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The handle of one request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// At least this many nanos of USD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_cost_nanos: Option<i64>,
    /// At least this many microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_latency_us: Option<i64>,
    /// The most items of one page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What to sum up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SummaryQuery {
    /// The first instant that counts; a day ago when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The first instant that no longer counts; now when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// What the rows are about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Breakdown>,
    /// Spans of time that get rows of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// Where days and months begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Only this virtual key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Only this team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Only this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only this model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Only this provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Of how many there are rows at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What to rank.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TopQuery {
    /// The first instant that counts; a day ago when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The first instant that no longer counts; now when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// What the rows are about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Breakdown>,
    /// What the ranking goes by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<Ranking>,
    /// The most rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The period of an invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InvoiceQuery {
    /// The first instant that counts; the beginning of the current month when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The first instant that no longer counts; the end of the month of `from` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// What to stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LiveQuery {
    /// Only this virtual key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Only this model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Only this team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// `Some(false)` leaves only ticks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<bool>,
}

/// No query at all.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct NoQuery {}

/// Any query that has pages.
pub(super) trait Paged: Serialize + Clone {
    fn begin_at(&mut self, cursor: String);
    fn at_most(&mut self, items: u32);
    fn limit(&self) -> Option<u32>;
}

macro_rules! paged {
    ($($name:ty),*) => {$(
        impl Paged for $name {
            fn begin_at(&mut self, cursor: String) {
                self.cursor = Some(cursor);
            }

            fn at_most(&mut self, items: u32) {
                self.limit = Some(items);
            }

            fn limit(&self) -> Option<u32> {
                self.limit
            }
        }
    )*};
}

paged!(ListQuery, UsageQuery, AuditQuery);
