//! Budgets, quotas and overlays as tables.

use std::collections::BTreeSet;

use entity::Money;
use entity::ledger::WindowState;
use entity::policy::Factor;
use entity::resource::{
    Budget, BudgetSpec, LimitState, Overlay, OverlayScope, OverlaySpec, OverlayState, Owner, Quota, QuotaSpec, Resource,
};
use entity::vocab::{Enforcement, Metric, OwnerType, Period, ScopeType};

use super::resources::{created, ident, name, organisation, resource, revision};
use super::{at, or_dash};
use crate::output::{Column, Show, amount, instant, percent, yes_no};

/// The price of every example.
pub(super) const PRICE: Money = match Money::from_nanos(400_000) {
    Some(price) => price,
    None => panic!("a price is not negative"),
};
const HALF: Factor = match Factor::from_thousandths(500) {
    Some(half) => half,
    None => panic!("a half is a factor"),
};

/// An owner as people write it: `team/search`, or `org`.
#[must_use]
pub fn owner(owner: &Owner) -> String {
    scoped(
        match owner.r#type {
            OwnerType::Org => "org",
            OwnerType::Team => "team",
            OwnerType::User => "user",
            OwnerType::ApiKey => "key",
        },
        owner.name.as_deref(),
    )
}

fn scoped(kind: &str, name: Option<&str>) -> String {
    name.map_or_else(|| kind.to_owned(), |name| format!("{kind}/{name}"))
}

fn scope(scope: &OverlayScope) -> String {
    scoped(
        match scope.r#type {
            ScopeType::Global => "global",
            ScopeType::Org => "org",
            ScopeType::Team => "team",
            ScopeType::ApiKey => "key",
            ScopeType::Model => "model",
            ScopeType::McpServer => "mcp",
        },
        scope.name.as_deref(),
    )
}

fn in_window<S>(limit: &Resource<S, LimitState>, show: impl Fn(&WindowState) -> String) -> String {
    or_dash(limit.status.window.as_ref().map(show))
}

fn share<S>(limit: &Resource<S, LimitState>) -> String {
    in_window(limit, |window| percent(window.used, window.limit))
}

fn window_end<S>(limit: &Resource<S, LimitState>) -> String {
    in_window(limit, |window| instant(window.end))
}

fn thresholds(percents: &BTreeSet<u16>) -> String {
    match percents.len() {
        0 => "-".to_owned(),
        _ => percents.iter().map(|percent| format!("{percent}%")).collect::<Vec<_>>().join(","),
    }
}

fn window() -> LimitState {
    LimitState { window: Some(WindowState { start: at(), end: at(), limit: 3, used: 1, reserved: 1, left: 1 }) }
}

impl Show for Budget {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", name),
                Column::new("OWNER", "", |b| owner(&b.spec.owner)),
                Column::new("PERIOD", "spec.period", |b| b.spec.period.to_string()),
                Column::new("AMOUNT", "spec.amountUsd", |b| amount(Metric::Cost, b.spec.amount_usd.nanos())),
                Column::new("USED", "status.window.used", |b| in_window(b, |w| amount(Metric::Cost, w.used))),
                Column::new("USED %", "", share),
                Column::new("LEFT", "status.window.left", |b| in_window(b, |w| amount(Metric::Cost, w.left))),
                Column::new("WINDOW ENDS", "status.window.end", window_end),
                Column::wide("RESERVED", "status.window.reserved", |b| {
                    in_window(b, |w| amount(Metric::Cost, w.reserved))
                }),
                Column::wide("ENFORCEMENT", "spec.enforcement", |b| b.spec.enforcement.to_string()),
                Column::wide("TIMEZONE", "spec.timezone", |b| b.spec.timezone.clone()),
                Column::wide("ROLLOVER", "spec.rollover", |b| yes_no(b.spec.rollover)),
                Column::wide("THRESHOLDS", "spec.thresholds", |b| thresholds(&b.spec.thresholds)),
                Column::new("ACTIVE", "spec.active", |b| yes_no(b.spec.active)),
                Column::wide("ORGANISATION", "organisation", organisation),
                Column::wide("CREATED", "createdAt", created),
                Column::wide("REVISION", "revision", revision),
                Column::wide("ID", "id", ident),
            ]
        }
    }

    fn example() -> Self {
        let spec = BudgetSpec {
            owner: Owner { r#type: OwnerType::Team, name: Some("search".into()) },
            period: Period::Monthly,
            start: Some(at()),
            end: Some(at()),
            timezone: "Europe/Paris".into(),
            amount_usd: PRICE,
            rollover: true,
            thresholds: BTreeSet::from([50]),
            enforcement: Enforcement::Hard,
            active: true,
        };
        resource(spec, window())
    }

    fn handle(&self) -> String {
        format!("budget/{}", self.name)
    }
}

impl Show for Quota {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", name),
                Column::new("OWNER", "", |q| owner(&q.spec.owner)),
                Column::new("METRIC", "spec.metric", |q| q.spec.metric.to_string()),
                Column::new("PERIOD", "spec.period", |q| q.spec.period.to_string()),
                Column::new("LIMIT", "spec.limit", |q| {
                    amount(q.spec.metric, i64::try_from(q.spec.limit).unwrap_or(i64::MAX))
                }),
                Column::new("USED", "status.window.used", |q| in_window(q, |w| amount(q.spec.metric, w.used))),
                Column::new("USED %", "", share),
                Column::new("LEFT", "status.window.left", |q| in_window(q, |w| amount(q.spec.metric, w.left))),
                Column::new("WINDOW ENDS", "status.window.end", window_end),
                Column::wide("RESERVED", "status.window.reserved", |q| {
                    in_window(q, |w| amount(q.spec.metric, w.reserved))
                }),
                Column::wide("TIMEZONE", "spec.timezone", |q| q.spec.timezone.clone()),
                Column::wide("ROLLOVER", "spec.rollover", |q| yes_no(q.spec.rollover)),
                Column::wide("THRESHOLDS", "spec.thresholds", |q| thresholds(&q.spec.thresholds)),
                Column::new("ACTIVE", "spec.active", |q| yes_no(q.spec.active)),
                Column::wide("ORGANISATION", "organisation", organisation),
                Column::wide("CREATED", "createdAt", created),
                Column::wide("REVISION", "revision", revision),
                Column::wide("ID", "id", ident),
            ]
        }
    }

    fn example() -> Self {
        let spec = QuotaSpec {
            owner: Owner { r#type: OwnerType::Team, name: Some("search".into()) },
            metric: Metric::Tokens,
            limit: 3,
            period: Period::Daily,
            start: Some(at()),
            end: Some(at()),
            timezone: "Europe/Paris".into(),
            rollover: true,
            thresholds: BTreeSet::from([50]),
            active: true,
        };
        resource(spec, window())
    }

    fn handle(&self) -> String {
        format!("quota/{}", self.name)
    }
}

impl Show for Overlay {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", name),
                Column::new("SCOPE", "", |o| scope(&o.spec.scope)),
                Column::new("FACTOR", "spec.factor", |o| o.spec.factor.to_string()),
                Column::new("IN FORCE", "status.inForce", |o| yes_no(o.status.in_force)),
                Column::new("STARTS", "spec.starts", |o| or_dash(o.spec.starts.map(instant))),
                Column::new("ENDS", "spec.ends", |o| instant(o.spec.ends)),
                Column::new("REASON", "spec.reason", |o| or_dash(o.spec.reason.as_ref())),
                Column::wide("ORGANISATION", "organisation", organisation),
                Column::wide("CREATED", "createdAt", created),
                Column::wide("REVISION", "revision", revision),
                Column::wide("ID", "id", ident),
            ]
        }
    }

    fn example() -> Self {
        let spec = OverlaySpec {
            scope: OverlayScope { r#type: ScopeType::Team, name: Some("search".into()) },
            factor: HALF,
            reason: Some("incident".into()),
            starts: Some(at()),
            ends: at(),
        };
        resource(spec, OverlayState { in_force: true })
    }

    fn handle(&self) -> String {
        format!("overlay/{}", self.name)
    }
}
