//! Acme's budgets, quotas and overlays.

use std::collections::BTreeSet;

use entity::Money;
use entity::ledger::{LimitStatus, WindowState};
use entity::policy::Factor;
use entity::resource::{
    Budget, BudgetSpec, LimitState, Overlay, OverlayScope, OverlaySpec, OverlayState, Owner, Quota, QuotaSpec,
};
use entity::vocab::{Enforcement, LimitKind, Metric, OwnerType, Period, ScopeType};
use uuid::Uuid;

use super::after;

/// A dollar in nanos.
pub const USD: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
/// The beginning of March, of April and of the day where acme is (Paris), relative to the beginning of every test.
const MARCH: i64 = -(13 * DAY + 9 * 3_600 + 26 * 60 + 53) - 3_600;
const APRIL: i64 = MARCH + 31 * DAY - 3_600;
const TODAY: i64 = MARCH + 13 * DAY;

fn owner(r#type: OwnerType, name: &str) -> Owner {
    Owner { r#type, name: Some(name.to_owned()) }
}

fn window(start: i64, end: i64, limit: i64, used: i64, reserved: i64) -> WindowState {
    WindowState { start: after(start), end: after(end), limit, used, reserved, left: limit - used - reserved }
}

fn status(kind: LimitKind, name: &str, owner: Owner, metric: Metric, window: Option<WindowState>) -> LimitStatus {
    let hour = window.as_ref().map_or(0, |window| window.used / 40);
    LimitStatus {
        kind,
        name: name.to_owned(),
        owner,
        metric,
        enforcement: Enforcement::Standard,
        active: true,
        window,
        used_last_hour: hour,
        runs_out_at: None,
    }
}

/// One budget or quota in each state that there is.
pub fn statuses() -> Vec<LimitStatus> {
    use LimitKind::{Budget, Quota};
    let month = |limit, used, reserved| Some(window(MARCH, APRIL, limit, used, reserved));
    let today = |limit, used, reserved| Some(window(TODAY, TODAY + DAY, limit, used, reserved));
    let team = |name| owner(OwnerType::Team, name);
    let mut all = vec![
        status(
            Budget,
            "acme-yearly",
            owner(OwnerType::Org, "acme"),
            Metric::Cost,
            month(900 * USD, 120 * USD, 3 * USD),
        ),
        status(Budget, "ana-trial", owner(OwnerType::User, "ana@acme.example"), Metric::Cost, None),
        status(
            Budget,
            "batch-daily",
            owner(OwnerType::ApiKey, "old-batch"),
            Metric::Cost,
            today(20 * USD, 31 * USD, 0),
        ),
        status(Budget, "platform-daily", team("platform"), Metric::Cost, today(50 * USD, 12 * USD, USD)),
        status(Budget, "support-monthly", team("support"), Metric::Cost, month(500 * USD, 412_305_000_000, 9 * USD)),
        status(Budget, "trial", owner(OwnerType::ApiKey, "trial"), Metric::Cost, today(5 * USD, USD / 10, 0)),
        status(
            Quota,
            "ci-requests",
            owner(OwnerType::ApiKey, "ci-nightly"),
            Metric::Requests,
            today(10_000, 2_400, 12),
        ),
        status(Quota, "support-latency", team("support"), Metric::LatencyMs, today(3_600_000, 1_800_000, 0)),
        status(Quota, "support-tokens", team("support"), Metric::Tokens, today(2_000_000, 1_924_000, 31_000)),
    ];
    all[2].runs_out_at = Some(after(0));
    all[3].used_last_hour = 9 * USD;
    all[3].runs_out_at = Some(after(4 * 3_600 + 600));
    all[4].enforcement = Enforcement::Hard;
    all[4].runs_out_at = Some(after(7 * 3_600));
    all[5].active = false;
    all[8].runs_out_at = Some(after(1_900));
    all
}

pub fn budget() -> Budget {
    Budget {
        id: Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_0004),
        name: "support-monthly".to_owned(),
        organisation: Some("acme".to_owned()),
        revision: 5,
        labels: Default::default(),
        protect: false,
        created_at: after(-90 * DAY),
        updated_at: after(-2 * DAY),
        spec: BudgetSpec {
            owner: owner(OwnerType::Team, "support"),
            period: Period::Monthly,
            start: None,
            end: None,
            timezone: "Europe/Paris".to_owned(),
            amount_usd: Money::from_nanos(450 * USD).unwrap(),
            rollover: true,
            thresholds: BTreeSet::from([50, 80, 100]),
            enforcement: Enforcement::Hard,
            active: true,
        },
        status: LimitState { window: None },
    }
}

pub fn quota() -> Quota {
    Quota {
        id: Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_0008),
        name: "support-tokens".to_owned(),
        organisation: Some("acme".to_owned()),
        revision: 1,
        labels: Default::default(),
        protect: false,
        created_at: after(-90 * DAY),
        updated_at: after(-90 * DAY),
        spec: QuotaSpec {
            owner: owner(OwnerType::Team, "support"),
            metric: Metric::Tokens,
            limit: 2_000_000,
            period: Period::Daily,
            start: None,
            end: None,
            timezone: "UTC".to_owned(),
            rollover: false,
            thresholds: BTreeSet::new(),
            active: true,
        },
        status: LimitState { window: None },
    }
}

fn overlay(number: u128, scope: (ScopeType, &str), thousandths: u32, ends: i64, reason: Option<&str>) -> Overlay {
    let kind = if scope.0 == ScopeType::ApiKey { "key" } else { "team" };
    Overlay {
        id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + number),
        name: format!("{kind}-{}", scope.1),
        organisation: Some("acme".to_owned()),
        revision: 1,
        labels: Default::default(),
        protect: false,
        created_at: after(-600),
        updated_at: after(-600),
        spec: OverlaySpec {
            scope: OverlayScope { r#type: scope.0, name: Some(scope.1.to_owned()) },
            factor: Factor::from_thousandths(thousandths).unwrap(),
            reason: reason.map(str::to_owned),
            starts: None,
            ends: after(ends),
        },
        status: OverlayState { in_force: ends > 0 },
    }
}

/// A brake, a boost, and one that is over.
pub fn overlays() -> Vec<Overlay> {
    vec![
        overlay(1, (ScopeType::ApiKey, "ana-laptop"), 200, 3_000, Some("a loop in a notebook")),
        overlay(2, (ScopeType::Team, "platform"), 500, -60, None),
        overlay(3, (ScopeType::Team, "support"), 2_000, 2 * DAY, Some("launch")),
    ]
}
