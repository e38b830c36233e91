//! Budgets and quotas of an organisation with their windows, and how fast they are used.

use std::collections::HashMap;
use std::time::Duration;

use entity::ledger::{LimitStatus, WindowState};
use entity::resource::Owner;
use entity::row::usage_record::{Column, Entity};
use entity::row::{budget, quota};
use entity::vocab::{Metric, Outcome, OwnerType};
use entity::{OrganisationId, Timestamp};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::kinds::holders;
use super::reach::Reach;
use super::usage::{count_if, sum};
use super::{ledger, limits, windows};
use crate::ledger::Limit;

const HOUR: Duration = Duration::from_secs(3_600);
const HOUR_US: i128 = 3_600_000_000;

/// Every budget, then every quota of an organisation that a caller reaches, each by name.
pub async fn of_organisation(
    db: &impl ConnectionTrait,
    organisation: OrganisationId,
    reach: Reach,
    now: Timestamp,
) -> Result<Vec<LimitStatus>, DbErr> {
    let budgets = budget::Entity::find()
        .filter(budget::Column::OrganisationId.eq(organisation))
        .filter(reach.of_limits(budget::Column::OwnerId.into_expr()))
        .order_by_asc(budget::Column::Name)
        .all(db)
        .await?;
    let quotas = quota::Entity::find()
        .filter(quota::Column::OrganisationId.eq(organisation))
        .filter(reach.of_limits(quota::Column::OwnerId.into_expr()))
        .order_by_asc(quota::Column::Name)
        .all(db)
        .await?;
    let budgets = budgets.into_iter().map(|row| (row.active, limits::from_budget(row)));
    let quotas = quotas.into_iter().map(|row| (row.active, limits::from_quota(row)));
    let (active, limits): (Vec<bool>, Vec<Limit>) = budgets.chain(quotas).unzip();
    let owners = limits.iter().map(|limit| (holders::of_owner(limit.owner_type), limit.owner_id));
    let names = holders::names(db, owners).await?;
    let mut open = windows::open(db, &limits, now).await?;
    let burnt = last_hour(db, organisation, &limits, now).await?;
    let without: Vec<&Limit> = limits.iter().filter(|limit| !open.contains_key(&limit.id)).collect();
    open.extend(untouched(db, &without, now).await?);
    let status = |(active, limit): (bool, Limit)| {
        let window = open.remove(&limit.id);
        let used_last_hour = burnt.get(&limit.owner_id).map_or(0, |burnt| burnt.of(limit.metric));
        let runs_out_at = window.as_ref().filter(|_| active).and_then(|window| runs_out(window, used_last_hour, now));
        LimitStatus {
            kind: limit.kind,
            name: limit.name.to_string(),
            owner: Owner { r#type: limit.owner_type, name: names.get(&limit.owner_id).cloned() },
            metric: limit.metric,
            enforcement: limit.enforcement,
            active,
            window,
            used_last_hour,
            runs_out_at,
        }
    };
    Ok(active.into_iter().zip(limits).map(status).collect())
}

/// The windows that hold `now`, of limits that no request has asked about in them: as the first one that asks will open them.
async fn untouched(
    db: &impl ConnectionTrait,
    limits: &[&Limit],
    now: Timestamp,
) -> Result<Vec<(Uuid, WindowState)>, DbErr> {
    let due: Vec<(&Limit, ledger::Window)> =
        limits.iter().filter_map(|limit| Some((*limit, limit.window(now)?))).collect();
    let used = ledger::sums(db, &due).await?;
    let mut windows = Vec::with_capacity(due.len());
    for (limit, (start, end)) in due {
        let used = used.get(&limit.id).copied().unwrap_or(0);
        let whole = limit.amount.saturating_add(ledger::rolled_over(db, limit, start).await?);
        let left = whole.saturating_sub(used);
        windows.push((limit.id, WindowState { start, end, limit: whole, used, reserved: 0, left }));
    }
    Ok(windows)
}

/// When a window is spent if use goes on as in the last hour.
fn runs_out(window: &WindowState, used_last_hour: i64, now: Timestamp) -> Option<Timestamp> {
    if window.left <= 0 {
        return Some(now);
    }
    if used_last_hour <= 0 {
        return None;
    }
    let span = i128::from(window.left) * HOUR_US / i128::from(used_last_hour);
    let at = now.plus(Duration::from_micros(u64::try_from(span).ok()?));
    (at < window.end).then_some(at)
}

/// What an owner used.
#[derive(Debug, FromQueryResult)]
struct Burnt {
    owner: Uuid,
    requests: Option<i64>,
    tokens_in: Option<i64>,
    tokens_out: Option<i64>,
    errors: Option<i64>,
    cost_nanos: Option<i64>,
    latency_ms: Option<i64>,
}

impl Burnt {
    fn of(&self, metric: Metric) -> i64 {
        let (tokens_in, tokens_out) = (self.tokens_in.unwrap_or(0), self.tokens_out.unwrap_or(0));
        match metric {
            Metric::Requests => self.requests.unwrap_or(0),
            Metric::Tokens => tokens_in.saturating_add(tokens_out),
            Metric::TokensIn => tokens_in,
            Metric::TokensOut => tokens_out,
            Metric::Errors => self.errors.unwrap_or(0),
            Metric::Cost => self.cost_nanos.unwrap_or(0),
            Metric::LatencyMs => self.latency_ms.unwrap_or(0),
        }
    }
}

/// What the owners of these limits used in the hour before `now`, one query for each kind of owner.
async fn last_hour(
    db: &impl ConnectionTrait,
    organisation: OrganisationId,
    limits: &[Limit],
    now: Timestamp,
) -> Result<HashMap<Uuid, Burnt>, DbErr> {
    let mut burnt = HashMap::new();
    for (kind, owner) in [
        (OwnerType::Org, Column::OrganisationId),
        (OwnerType::Team, Column::TeamId),
        (OwnerType::User, Column::UserId),
        (OwnerType::ApiKey, Column::ApiKeyId),
    ] {
        if !limits.iter().any(|limit| limit.owner_type == kind) {
            continue;
        }
        // Quotas count only what was sent to an upstream, and nothing else costs anything.
        let failed = Condition::all().add(Column::Outcome.eq(Outcome::Failed));
        let rows = Entity::find()
            .select_only()
            .column_as(owner, "owner")
            .column_as(Column::Id.count(), "requests")
            .column_as(sum(Column::TokensIn.into_expr()), "tokens_in")
            .column_as(sum(Column::TokensOut.into_expr()), "tokens_out")
            .column_as(count_if(failed), "errors")
            .column_as(sum(Column::CostNanos.into_expr()), "cost_nanos")
            .column_as(sum(Column::LatencyUs.into_expr().div(1_000_i64)), "latency_ms")
            .filter(Column::OrganisationId.eq(organisation))
            .filter(Column::At.gte(now.minus(HOUR)))
            .filter(Column::At.lte(now))
            .filter(Column::Dispatched.eq(true))
            .filter(owner.is_not_null())
            .group_by(owner)
            .into_model::<Burnt>()
            .all(db)
            .await?;
        burnt.extend(rows.into_iter().map(|row| (row.owner, row)));
    }
    Ok(burnt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_runs_out_before_its_end_or_not_at_all() {
        let hours = |hours: i64| Timestamp(hours * 3_600_000_000);
        let window =
            |left| WindowState { start: hours(0), end: hours(10), limit: 100, used: 100 - left, reserved: 0, left };
        let cases = [
            (50, 10, Some(hours(6))),
            (50, 100, Some(Timestamp(5_400_000_000))),
            (90, 10, None),
            (91, 10, None),
            (50, 0, None),
            (0, 0, Some(hours(1))),
            (-3, 10, Some(hours(1))),
            (i64::MAX, 1, None),
        ];
        for (left, used, at) in cases {
            let window = if left == i64::MAX { WindowState { left, ..window(0) } } else { window(left) };
            assert_eq!(runs_out(&window, used, hours(1)), at, "{left} left at {used} an hour");
        }
    }
}
