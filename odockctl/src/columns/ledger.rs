//! Budgets and quotas at work, and invoices, as tables.

use entity::ledger::{Difference, InvoiceLine, LimitStatus, WindowState};
use entity::resource::Owner;
use entity::simulation::GateFinding;
use entity::usage::{LimitMark, ReservationMark};
use entity::vocab::{Enforcement, LimitKind, Metric, OwnerType};

use super::limits::owner;
use super::{at, or_dash};
use crate::output::{Column, Show, amount, bar, instant, money, percent, yes_no};

fn in_window(limit: &LimitStatus, value: fn(&WindowState) -> i64) -> String {
    or_dash(limit.window.as_ref().map(|window| amount(limit.metric, value(window))))
}

impl Show for LimitStatus {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", |l| l.name.clone()),
                Column::new("OWNER", "", |l| owner(&l.owner)),
                Column::new("METRIC", "metric", |l| l.metric.to_string()),
                Column::new("USED", "window.used", |l| in_window(l, |w| w.used)),
                Column::new("RESERVED", "window.reserved", |l| in_window(l, |w| w.reserved)),
                Column::new("LIMIT", "window.limit", |l| in_window(l, |w| w.limit)),
                Column::new("LEFT", "window.left", |l| in_window(l, |w| w.left)),
                Column::new("SPENT", "", |l| {
                    or_dash(
                        l.window
                            .as_ref()
                            .map(|w| format!("{} {}", bar(w.used, w.reserved, w.limit), percent(w.used, w.limit))),
                    )
                }),
                Column::new("PER HOUR", "usedLastHour", |l| amount(l.metric, l.used_last_hour)),
                Column::new("RUNS OUT", "runsOutAt", |l| or_dash(l.runs_out_at.map(instant))),
                Column::new("WINDOW ENDS", "window.end", |l| or_dash(l.window.as_ref().map(|w| instant(w.end)))),
                Column::wide("WINDOW BEGAN", "window.start", |l| or_dash(l.window.as_ref().map(|w| instant(w.start)))),
                Column::wide("ENFORCEMENT", "enforcement", |l| l.enforcement.to_string()),
                Column::wide("ACTIVE", "active", |l| yes_no(l.active)),
            ]
        }
    }

    fn example() -> Self {
        Self {
            kind: LimitKind::Budget,
            name: "search-monthly".into(),
            owner: Owner { r#type: OwnerType::Team, name: Some("search".into()) },
            metric: Metric::Cost,
            enforcement: Enforcement::Hard,
            active: true,
            window: Some(WindowState { start: at(), end: at(), limit: 3, used: 1, reserved: 1, left: 1 }),
            used_last_hour: 1,
            runs_out_at: Some(at()),
        }
    }

    fn handle(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

impl Show for InvoiceLine {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("TEAM", "team", |l| or_dash(l.team.as_ref())),
                Column::new("KEY", "apiKey", |l| l.api_key.clone()),
                Column::new("MODEL", "model", |l| or_dash(l.model.as_ref())),
                Column::new("REQUESTS", "requests", |l| l.requests.to_string()),
                Column::new("TOKENS IN", "tokensIn", |l| l.tokens_in.to_string()),
                Column::new("TOKENS OUT", "tokensOut", |l| l.tokens_out.to_string()),
                Column::new("UNPRICED", "unpriced", |l| l.unpriced.to_string()),
                Column::new("COST", "costNanos", |l| money(l.cost_nanos)),
            ]
        }
    }

    fn example() -> Self {
        Self {
            team: Some("search".into()),
            api_key: "ci".into(),
            model: Some("support-fast".into()),
            requests: 1,
            tokens_in: 1,
            tokens_out: 1,
            cost_nanos: 1,
            unpriced: 0,
        }
    }

    fn handle(&self) -> String {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        format!("{}/{}/{}", part(&self.team), self.api_key, part(&self.model))
    }
}

/// What a gate found about a limit: what is left of how much.
fn numbers(finding: &GateFinding) -> String {
    match (&finding.limit, &finding.reservation) {
        (Some(limit), _) if limit.of > 0 => format!("{} of {}", limit.remaining, limit.of),
        (_, Some(mark)) => format!(
            "{} of {}, needs {}",
            amount(mark.metric, mark.left),
            amount(mark.metric, mark.limit),
            amount(mark.metric, mark.estimate)
        ),
        _ => "-".to_owned(),
    }
}

impl Show for GateFinding {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("GATE", "gate", |g| g.gate.clone()),
                Column::new("OK", "ok", |g| yes_no(g.ok)),
                Column::new("CODE", "code", |g| or_dash(g.code.as_ref())),
                Column::new("LEFT", "", numbers),
                Column::new("DETAIL", "detail", |g| g.detail.clone()),
            ]
        }
    }

    fn example() -> Self {
        Self {
            gate: "reserve".into(),
            ok: false,
            detail: "spent".into(),
            code: Some("budget_exceeded".into()),
            limit: Some(LimitMark::example()),
            reservation: Some(ReservationMark::example()),
        }
    }

    fn handle(&self) -> String {
        format!("gate/{}", self.gate)
    }
}

impl Show for LimitMark {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("GATE", "", |m| m.gate.to_string()),
                Column::new("SCOPE", "", |m| m.scope.to_string()),
                Column::new("LIMIT", "", |m| m.limit.to_string()),
                Column::new("OF", "", |m| if m.of == 0 { "-".to_owned() } else { m.of.to_string() }),
                Column::new("REMAINING", "", |m| if m.of == 0 { "-".to_owned() } else { m.remaining.to_string() }),
                Column::new("VERDICT", "", |m| m.verdict.to_string()),
            ]
        }
    }

    fn example() -> Self {
        Self {
            gate: "early".into(),
            scope: "api_key".into(),
            limit: "rpm".into(),
            of: 60,
            remaining: 59,
            verdict: "pass".into(),
        }
    }

    fn handle(&self) -> String {
        format!("limit/{}", self.limit)
    }
}

impl Show for ReservationMark {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("KIND", "kind", |m| m.kind.to_string()),
                Column::new("NAME", "name", |m| m.name.to_string()),
                Column::new("METRIC", "metric", |m| m.metric.to_string()),
                Column::new("SET ASIDE", "estimate", |m| amount(m.metric, m.estimate)),
                Column::new("LEFT BEFORE", "left", |m| amount(m.metric, m.left)),
                Column::new("LIMIT", "limit", |m| amount(m.metric, m.limit)),
                Column::new("WINDOW ENDS", "endsAt", |m| instant(m.ends_at)),
                Column::new("VERDICT", "refused", |m| if m.refused { "deny" } else { "pass" }.to_owned()),
            ]
        }
    }

    fn example() -> Self {
        Self {
            kind: LimitKind::Budget,
            name: "search-monthly".into(),
            metric: Metric::Cost,
            estimate: 1,
            limit: 2,
            left: 2,
            ends_at: at(),
            refused: true,
        }
    }

    fn handle(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

impl Show for Difference {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("WHAT", "subject", |d| d.subject.clone()),
                Column::new("FIGURE", "figure", |d| d.figure.clone()),
                Column::new("ON THE BOOKS", "recorded", |d| d.recorded.to_string()),
                Column::new("BY THE RECORDS", "expected", |d| d.expected.to_string()),
            ]
        }
    }

    fn example() -> Self {
        Self { subject: "budget search-monthly".into(), figure: "used".into(), recorded: 1, expected: 2 }
    }

    fn handle(&self) -> String {
        self.subject.clone()
    }
}
