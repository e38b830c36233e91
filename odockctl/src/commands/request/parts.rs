//! The tables of a request: stages, attempts, bill.

use entity::pricing::{Bill, LineItem};
use entity::usage::{Attempt, StageMark};
use entity::vocab::AttemptOutcome;
use serde::Serialize;

use crate::output::{Column, Show, latency, money};

/// A stage with the time since the one before.
#[derive(Serialize)]
pub(super) struct StageRow {
    stage: String,
    at_us: u64,
    took_us: u64,
}

impl StageRow {
    pub(super) fn all(marks: &[StageMark]) -> Vec<Self> {
        let before = std::iter::once(0).chain(marks.iter().map(|mark| mark.at_us));
        let row = |(mark, before): (&StageMark, u64)| Self {
            stage: mark.stage.to_string(),
            at_us: mark.at_us,
            took_us: mark.at_us.saturating_sub(before),
        };
        marks.iter().zip(before).map(row).collect()
    }
}

impl Show for StageRow {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("STAGE", "stage", |s| s.stage.clone()),
                Column::new("DONE AFTER", "at_us", |s| latency(s.at_us)),
                Column::new("TOOK", "took_us", |s| latency(s.took_us)),
            ]
        }
    }

    fn example() -> Self {
        Self { stage: "authenticate".into(), at_us: 1, took_us: 1 }
    }

    fn handle(&self) -> String {
        format!("stage/{}", self.stage)
    }
}

/// An attempt at an upstream.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct AttemptRow(Attempt);

impl AttemptRow {
    pub(super) fn all(attempts: &[Attempt]) -> Vec<Self> {
        attempts.iter().cloned().map(Self).collect()
    }
}

impl Show for AttemptRow {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("MODEL", "model", |a| a.0.model.clone()),
                Column::new("PROVIDER", "provider", |a| a.0.provider.clone()),
                Column::new("OUTCOME", "outcome", |a| a.0.outcome.to_string()),
                Column::new("STATUS", "status", |a| a.0.status.map(|status| status.to_string()).unwrap_or_default()),
                Column::new("ERROR", "error", |a| a.0.error.clone().unwrap_or_default()),
                Column::new("BEGAN AFTER", "atUs", |a| latency(a.0.at_us)),
                Column::new("TOOK", "durationUs", |a| latency(a.0.duration_us)),
            ]
        }
    }

    fn example() -> Self {
        Self(Attempt {
            model: "support-fast".into(),
            provider: "openai".into(),
            outcome: AttemptOutcome::Failed,
            status: Some(200),
            error: Some("timeout".into()),
            at_us: 1,
            duration_us: 1,
        })
    }

    fn handle(&self) -> String {
        format!("attempt/{}", self.0.provider)
    }
}

/// A line of a bill, or its total.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct BillRow(LineItem);

impl BillRow {
    pub(super) fn all(bill: Option<&Bill>) -> Vec<Self> {
        let Some(bill) = bill else { return Vec::new() };
        let total = LineItem {
            class: "total".into(),
            quantity: 0,
            rate_nanos_per_1k: 0,
            discount_percent: 0,
            nanos: bill.total_nanos,
        };
        bill.lines.iter().cloned().chain([total]).map(Self).collect()
    }
}

impl Show for BillRow {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("CLASS", "class", |l| l.0.class.to_string()),
                Column::new("QUANTITY", "quantity", |l| match l.0.quantity {
                    0 => String::new(),
                    quantity => quantity.to_string(),
                }),
                Column::new("PER 1000", "rateNanosPer1k", |l| match l.0.quantity {
                    0 => String::new(),
                    _ => money(l.0.rate_nanos_per_1k),
                }),
                Column::new("DISCOUNT", "discountPercent", |l| match l.0.discount_percent {
                    0 => String::new(),
                    percent => format!("{percent}%"),
                }),
                Column::new("COST", "nanos", |l| money(l.0.nanos)),
            ]
        }
    }

    fn example() -> Self {
        Self(LineItem { class: "input_text".into(), quantity: 1, rate_nanos_per_1k: 1, discount_percent: 1, nanos: 1 })
    }

    fn handle(&self) -> String {
        format!("line/{}", self.0.class)
    }
}
