//! A budget or quota as requests meet it.

use std::sync::Arc;

use entity::vocab::{Enforcement, LimitKind, Metric, OwnerType, Period};
use entity::{OrganisationId, Timestamp, calendar};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A budget, or a quota: the same thing but for what is counted and which error says that it is spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Budget or quota.
    pub kind: LimitKind,
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: Arc<str>,
    /// Its organisation.
    pub organisation_id: OrganisationId,
    /// Whose it is.
    pub owner_type: OwnerType,
    /// The owner's id.
    pub owner_id: Uuid,
    /// What it counts.
    pub metric: Metric,
    /// How strictly it is kept. Quotas are kept as standard budgets are.
    pub enforcement: Enforcement,
    /// How long a window lasts.
    pub period: Period,
    /// Where midnight is.
    pub timezone: String,
    /// The first instant at which it applies.
    pub starts_at: Option<Timestamp>,
    /// The first instant at which it no longer applies.
    pub ends_at: Option<Timestamp>,
    /// What there may be in a window, in the metric's unit.
    pub amount: i64,
    /// Whether what is left is added to the next window.
    pub rollover: bool,
    /// Percentages of the limit at which an event is raised.
    pub thresholds: Vec<u16>,
    /// When it came into being: what was not used before that does not roll over.
    pub created_at: Timestamp,
    /// Counts its changes.
    pub revision: i64,
}

impl Limit {
    /// The window that holds `at`, cut to the limit's own start and end; `None` outside of those.
    #[must_use]
    pub fn window(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        if self.starts_at.is_some_and(|start| at < start) || self.ends_at.is_some_and(|end| end <= at) {
            return None;
        }
        // The zone was checked when the limit was declared; a database of zones that has lost it since counts in UTC.
        let zone = calendar::zone(&self.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
        let (start, end) = calendar::window(self.period, &zone, at)?;
        Some((self.starts_at.map_or(start, |own| own.max(start)), self.ends_at.map_or(end, |own| own.min(end))))
    }

    /// The window before the one that begins at `start`.
    #[must_use]
    pub fn window_before(&self, start: Timestamp) -> Option<(Timestamp, Timestamp)> {
        self.window(Timestamp(start.0 - 1))
    }
}
