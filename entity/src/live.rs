//! The live stream: finished requests and second-by-second aggregates, over server-sent events.
//!
//! `GET /api/organisations/{organisation}/live` and, for super admins, `GET /api/admin/live`. The event's name is the
//! variant (`request`, `tick`, `threshold`, `gap`), its data the JSON of the payload.

use serde::{Deserialize, Serialize};

use crate::health::BreakerStatus;
use crate::usage::{UsageRecord, UsageTotals};
use crate::vocab::{LimitKind, Metric};
use crate::{Nanos, OrganisationId, Timestamp};

/// One event of the live stream.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveEvent {
    /// A request has ended.
    Request(Box<UsageRecord>),
    /// A second has passed.
    Tick(Box<Tick>),
    /// A budget or quota has reached one of its thresholds.
    Threshold(Box<Threshold>),
    /// The subscriber was too slow, or the source broke off: events are missing here.
    Gap(Gap),
}

/// A threshold that a window of a budget or quota has reached: raised once a window, whatever the number of nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Threshold {
    /// When it was seen.
    pub at: Timestamp,
    /// Whose budget or quota it is.
    pub organisation_id: OrganisationId,
    /// Which of the two.
    pub kind: LimitKind,
    /// Its name.
    pub name: String,
    /// What it counts.
    pub metric: Metric,
    /// The percentage that was reached.
    pub threshold: u16,
    /// What is used: nanos of USD where the metric is `COST`.
    pub used: i64,
    /// The window's limit, in the same unit.
    pub limit: i64,
    /// When the window ends.
    pub ends_at: Timestamp,
}

/// What happened in one second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tick {
    /// The end of the second.
    pub at: Timestamp,
    /// Sums over the requests that ended in it.
    pub totals: UsageTotals,
    /// Requests that the gateway refused.
    pub denied: u64,
    /// Requests under way at the end of it.
    pub in_flight: u64,
    /// Latency of the requests that ended in it.
    pub latency_us: Percentiles,
    /// The gateway's own share of it.
    pub overhead_us: Percentiles,
    /// The busiest keys.
    pub top_keys: Vec<Top>,
    /// The busiest models.
    pub top_models: Vec<Top>,
    /// The busiest teams.
    pub top_teams: Vec<Top>,
    /// Upstreams whose calls have failed lately, as the node that is watched knows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<BreakerStatus>,
}

/// Percentiles in microseconds; zeros when nothing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Percentiles {
    /// The median.
    pub p50: u64,
    /// 95 of 100 are at or below it.
    pub p95: u64,
    /// 99 of 100 are at or below it.
    pub p99: u64,
}

/// One of the busiest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Top {
    /// Its name.
    pub name: String,
    /// Requests in the second.
    pub requests: u64,
    /// Tokens in and out in the second.
    pub tokens: u64,
    /// Nanos of USD in the second.
    pub cost_nanos: Nanos,
    /// Errors in the second.
    pub errors: u64,
}

/// Events that the subscriber did not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// How many requests are missing, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
}
