//! Budgets and quotas: the same thing but for what is counted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::yes;
use crate::vocab::{Enforcement, Metric, OwnerType, Period};
use crate::{Money, Timestamp};

/// Whose spending or use is capped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Owner {
    /// What kind of owner.
    pub r#type: OwnerType,
    /// Its name: of a team or key, or a user's e-mail address. Absent for `ORG`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a budget is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetSpec {
    /// Whose spending it caps.
    pub owner: Owner,
    /// How long a window lasts.
    pub period: Period,
    /// The first instant at which it applies; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// The first instant at which it no longer applies; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// Where midnight is: a name of the IANA time zone database.
    #[serde(default = "utc")]
    #[cfg_attr(feature = "openapi", schema(default = "UTC"))]
    pub timezone: String,
    /// What may be spent in a window, in USD.
    pub amount_usd: Money,
    /// Whether what is left of a window is added to the next one.
    #[serde(default)]
    pub rollover: bool,
    /// Percentages of the limit at which an event is raised, each once a window: 1 to 1 000.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub thresholds: BTreeSet<u16>,
    /// How strictly it is kept.
    #[serde(default = "standard")]
    #[cfg_attr(feature = "openapi", schema(default = "standard"))]
    pub enforcement: Enforcement,
    /// Whether it is kept at all.
    #[serde(default = "yes")]
    #[cfg_attr(feature = "openapi", schema(default = true))]
    pub active: bool,
}

fn utc() -> String {
    "UTC".into()
}

const fn standard() -> Enforcement {
    Enforcement::Standard
}

/// What a quota is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuotaSpec {
    /// Whose use it caps.
    pub owner: Owner,
    /// What it counts.
    pub metric: Metric,
    /// How much of it there may be in a window: 1 to 1 000 000 000 000 000; nanos of USD for `COST`.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000_000_000_000_u64))]
    pub limit: u64,
    /// How long a window lasts.
    pub period: Period,
    /// The first instant at which it applies; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// The first instant at which it no longer applies; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// Where midnight is: a name of the IANA time zone database.
    #[serde(default = "utc")]
    #[cfg_attr(feature = "openapi", schema(default = "UTC"))]
    pub timezone: String,
    /// Whether what is left of a window is added to the next one.
    #[serde(default)]
    pub rollover: bool,
    /// Percentages of the limit at which an event is raised, each once a window: 1 to 1 000.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub thresholds: BTreeSet<u16>,
    /// Whether it is kept at all.
    #[serde(default = "yes")]
    #[cfg_attr(feature = "openapi", schema(default = true))]
    pub active: bool,
}

/// What the gateway knows about a budget or quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LimitState {
    /// The window that is open now, if there is one and anything was counted in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<crate::ledger::WindowState>,
}
