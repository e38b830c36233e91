//! What a budget or quota is declared to be, as far as the dashboard shows it.

use entity::Timestamp;
use entity::resource::{Budget, Quota};
use entity::vocab::{LimitKind, Period};
use jiff::tz::TimeZone;
use uuid::Uuid;

/// What a budget or quota is declared to be.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Budget or quota.
    pub kind: LimitKind,
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// How long a window lasts.
    pub period: Period,
    /// The name of the time zone whose midnight begins a window.
    pub timezone: String,
    /// That time zone, if it is known here.
    pub zone: Option<TimeZone>,
    /// Whether what is left of a window is added to the next one.
    pub rollover: bool,
    /// Percentages at which an event is raised, in rising order.
    pub thresholds: Vec<u16>,
    /// The first instant at which it applies.
    pub start: Option<Timestamp>,
    /// The first instant at which it no longer applies.
    pub end: Option<Timestamp>,
    /// What there may be in a window before anything rolls over, in the metric's unit.
    pub amount: i64,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub revision: i64,
    /// All of it as JSON.
    pub json: String,
}

impl From<&Budget> for Declared {
    fn from(budget: &Budget) -> Self {
        let spec = &budget.spec;
        Self {
            kind: LimitKind::Budget,
            name: budget.name.clone(),
            id: budget.id,
            period: spec.period,
            timezone: spec.timezone.clone(),
            zone: TimeZone::get(&spec.timezone).ok(),
            rollover: spec.rollover,
            thresholds: spec.thresholds.iter().copied().collect(),
            start: spec.start,
            end: spec.end,
            amount: spec.amount_usd.nanos(),
            updated_at: budget.updated_at,
            revision: budget.revision,
            json: serde_json::to_string_pretty(budget).unwrap_or_default(),
        }
    }
}

impl From<&Quota> for Declared {
    fn from(quota: &Quota) -> Self {
        let spec = &quota.spec;
        Self {
            kind: LimitKind::Quota,
            name: quota.name.clone(),
            id: quota.id,
            period: spec.period,
            timezone: spec.timezone.clone(),
            zone: TimeZone::get(&spec.timezone).ok(),
            rollover: spec.rollover,
            thresholds: spec.thresholds.iter().copied().collect(),
            start: spec.start,
            end: spec.end,
            amount: i64::try_from(spec.limit).unwrap_or(i64::MAX),
            updated_at: quota.updated_at,
            revision: quota.revision,
            json: serde_json::to_string_pretty(quota).unwrap_or_default(),
        }
    }
}
