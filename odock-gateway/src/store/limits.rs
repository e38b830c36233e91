//! Policies of scopes, budgets and quotas, as requests need them.

use entity::Timestamp;
use entity::policy::{Factor, Policies};
use entity::row::{budget, policy_overlay, quota};
use entity::vocab::{Enforcement, LimitKind, Metric, ScopeType};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::ledger::Limit;
use crate::limits::{OverlayRule, Scope};

/// The scopes among these that limit something, with the overlays that are in force at `now` or come later.
pub async fn scopes(
    db: &impl ConnectionTrait,
    scopes: impl IntoIterator<Item = (ScopeType, Uuid, Option<Policies>)>,
    now: Timestamp,
) -> Result<Vec<Scope>, DbErr> {
    let mut limited: Vec<Scope> = scopes
        .into_iter()
        .filter_map(|(kind, id, policies)| Some(Scope::new(kind, id, policies.filter(|it| !it.is_empty())?)))
        .collect();
    if limited.is_empty() {
        return Ok(limited);
    }
    let overlays = policy_overlay::Entity::find()
        .filter(policy_overlay::Column::ScopeId.is_in(limited.iter().map(|scope| scope.id)))
        .filter(policy_overlay::Column::EndsAt.gt(now))
        .order_by_asc(policy_overlay::Column::Id)
        .all(db)
        .await?;
    for overlay in overlays {
        let factor = u32::try_from(overlay.factor_thousandths).ok().and_then(Factor::from_thousandths);
        let factor = factor.ok_or_else(|| {
            DbErr::Type(format!("policy_overlay {}: factor_thousandths is {}", overlay.id, overlay.factor_thousandths))
        })?;
        let rule = OverlayRule { factor, starts: overlay.starts_at, ends: overlay.ends_at };
        limited.iter_mut().filter(|scope| scope.id == overlay.scope_id).for_each(|scope| scope.overlays.push(rule));
    }
    Ok(limited)
}

/// The active budgets and quotas of these owners, by id.
pub async fn of_owners(db: &impl ConnectionTrait, owners: &[Uuid]) -> Result<Vec<Limit>, DbErr> {
    let budgets = budget::Entity::find()
        .filter(budget::Column::OwnerId.is_in(owners.iter().copied()))
        .filter(budget::Column::Active.eq(true))
        .all(db)
        .await?;
    let quotas = quota::Entity::find()
        .filter(quota::Column::OwnerId.is_in(owners.iter().copied()))
        .filter(quota::Column::Active.eq(true))
        .all(db)
        .await?;
    let mut limits: Vec<Limit> =
        budgets.into_iter().map(from_budget).chain(quotas.into_iter().map(from_quota)).collect();
    // In one order everywhere: whoever takes several locks takes them so.
    limits.sort_by_key(|limit| limit.id);
    Ok(limits)
}

/// A budget as requests meet it.
#[must_use]
pub fn from_budget(row: budget::Model) -> Limit {
    Limit {
        kind: LimitKind::Budget,
        id: row.id.0,
        name: row.name.into(),
        organisation_id: row.organisation_id,
        owner_type: row.owner_type,
        owner_id: row.owner_id,
        metric: Metric::Cost,
        enforcement: row.enforcement,
        period: row.period,
        timezone: row.timezone,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        amount: row.amount_nanos,
        rollover: row.rollover,
        thresholds: row.thresholds.0.into_iter().collect(),
        created_at: row.created_at,
        revision: row.revision,
    }
}

/// A quota as requests meet it.
#[must_use]
pub fn from_quota(row: quota::Model) -> Limit {
    Limit {
        kind: LimitKind::Quota,
        id: row.id.0,
        name: row.name.into(),
        organisation_id: row.organisation_id,
        owner_type: row.owner_type,
        owner_id: row.owner_id,
        metric: row.metric,
        enforcement: Enforcement::Standard,
        period: row.period,
        timezone: row.timezone,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        amount: row.limit_value,
        rollover: row.rollover,
        thresholds: row.thresholds.0.into_iter().collect(),
        created_at: row.created_at,
        revision: row.revision,
    }
}

/// The name of a budget or quota that still exists.
pub async fn name_of(db: &impl ConnectionTrait, kind: LimitKind, id: Uuid) -> Result<Option<String>, DbErr> {
    match kind {
        LimitKind::Budget => {
            budget::Entity::find_by_id(entity::BudgetId(id))
                .select_only()
                .column(budget::Column::Name)
                .into_tuple()
                .one(db)
                .await
        }
        LimitKind::Quota => {
            quota::Entity::find_by_id(entity::QuotaId(id))
                .select_only()
                .column(quota::Column::Name)
                .into_tuple()
                .one(db)
                .await
        }
    }
}
