//! Budgets and quotas at work: windows, what is left of them, and invoices.

use serde::{Deserialize, Serialize};

use crate::resource::Owner;
use crate::vocab::{Enforcement, LimitKind, Metric};
use crate::{Nanos, Timestamp};

/// A window of a budget or quota as it stands. Amounts are in the metric's unit: nanos of USD for `COST`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WindowState {
    /// The first instant that counts.
    pub start: Timestamp,
    /// The first instant that no longer counts.
    pub end: Timestamp,
    /// What there may be, with what rolled over from the window before.
    pub limit: i64,
    /// What requests of this window have consumed: always the sum of their usage records.
    pub used: i64,
    /// What requests under way have set aside.
    pub reserved: i64,
    /// What is left: the limit less used and reserved; negative when the limit was lowered or passed.
    pub left: i64,
}

/// A budget or quota with its window, as `budget status` and the dashboard show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LimitStatus {
    /// Budget or quota.
    pub kind: LimitKind,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// What it counts.
    pub metric: Metric,
    /// How strictly it is kept.
    pub enforcement: Enforcement,
    /// Whether it is kept at all.
    pub active: bool,
    /// The window that is open now; absent before `start` and after `end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowState>,
    /// What was used in the last hour, in the metric's unit.
    pub used_last_hour: i64,
    /// When the window will be spent if use goes on as in the last hour; absent if it lasts until the window's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_out_at: Option<Timestamp>,
}

/// Budgets and quotas of an organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LimitStatuses {
    /// By kind, then name.
    pub items: Vec<LimitStatus>,
}

/// What recomputing every window and rollup from the usage records found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Windows that were recomputed.
    pub windows: u64,
    /// Buckets of rollups that were recomputed.
    pub rollups: u64,
    /// Usage records that were summed.
    pub records: u64,
    /// Nanos of USD that they cost together.
    pub cost_nanos: Nanos,
    /// What does not add up; empty when all is well.
    pub differences: Vec<Difference>,
}

/// One thing that does not add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// What was recomputed, such as `budget search-monthly from 2026-11-01T00:00:00Z`.
    pub subject: String,
    /// Which figure, such as `used`.
    pub figure: String,
    /// What is on the books.
    pub recorded: i64,
    /// What the usage records say.
    pub expected: i64,
}

/// What an organisation owes for a period: a preview over its usage records, whose sum it always is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    /// The organisation's slug.
    pub organisation: String,
    /// The first instant that counts.
    pub from: Timestamp,
    /// The first instant that no longer counts.
    pub to: Timestamp,
    /// By team, key, then model. The exact sum of these is the total.
    pub lines: Vec<InvoiceLine>,
    /// The total in nanos of USD.
    pub total_nanos: Nanos,
    /// Usage records in the period.
    pub records: u64,
    /// Those among them whose cost is unknown because their model had no price.
    pub unpriced: u64,
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InvoiceLine {
    /// The key's team, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The virtual key.
    pub api_key: String,
    /// The model, if the request got that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Requests.
    pub requests: u64,
    /// Tokens in.
    pub tokens_in: u64,
    /// Tokens out.
    pub tokens_out: u64,
    /// Nanos of USD.
    pub cost_nanos: Nanos,
    /// Requests whose cost is unknown.
    pub unpriced: u64,
}

/// One month of an organisation, as its invoice would say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InvoiceSummary {
    /// The first instant that counts.
    pub from: Timestamp,
    /// The first instant that no longer counts.
    pub to: Timestamp,
    /// The total in nanos of USD.
    pub total_nanos: Nanos,
    /// Requests in the month.
    pub records: u64,
    /// Those among them whose cost is unknown because their model had no price.
    pub unpriced: u64,
}

/// The months of an organisation, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Invoices {
    /// One a month; also the current one, so far.
    pub items: Vec<InvoiceSummary>,
}
