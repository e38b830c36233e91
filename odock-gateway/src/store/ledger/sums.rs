//! What a window's records add up to.

use entity::row::{ledger_window, usage_record};
use entity::vocab::{Metric, Outcome, OwnerType};
use entity::{Timestamp, WindowId};
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::share::positive;
use crate::ledger::Limit;

/// A span of time: its first instant, and the first one after it.
pub type Window = (Timestamp, Timestamp);

/// What the records of `window` consumed of what `limit` counts. The counterpart of [`super::amount`] in SQL.
pub async fn sum(db: &impl ConnectionTrait, limit: &Limit, window: Window) -> Result<i64, DbErr> {
    sum_of(db, limit.metric, limit.owner_type, limit.owner_id, limit.organisation_id, window).await
}

pub(super) async fn sum_of(
    db: &impl ConnectionTrait,
    metric: Metric,
    owner_type: OwnerType,
    owner: uuid::Uuid,
    organisation: entity::OrganisationId,
    (start, end): Window,
) -> Result<i64, DbErr> {
    use usage_record::Column;
    let is_owners = match owner_type {
        OwnerType::Org => None,
        OwnerType::Team => Some(Column::TeamId.eq(owner)),
        OwnerType::User => Some(Column::UserId.eq(owner)),
        OwnerType::ApiKey => Some(Column::ApiKeyId.eq(owner)),
    };
    let counted: SimpleExpr = match metric {
        Metric::Requests => Expr::val(1_i64),
        Metric::Tokens => Column::TokensIn.into_expr().add(Column::TokensOut.into_expr()),
        Metric::TokensIn => Column::TokensIn.into_expr(),
        Metric::TokensOut => Column::TokensOut.into_expr(),
        Metric::Errors => Expr::case(Column::Outcome.eq(Outcome::Failed), 1_i64).finally(0_i64).into(),
        Metric::Cost => Column::CostNanos.into_expr(),
        Metric::LatencyMs => Column::LatencyUs.into_expr().div(1_000_i64),
    };
    let mut select = usage_record::Entity::find()
        .select_only()
        // Postgres sums BIGINT as NUMERIC, which is more than we have room for.
        .column_as(counted.sum().cast_as("bigint"), "sum")
        .filter(Column::OrganisationId.eq(organisation))
        .filter(Column::At.gte(start))
        .filter(Column::At.lt(end))
        .filter(Column::Dispatched.eq(true));
    if let Some(is_owners) = is_owners {
        select = select.filter(is_owners);
    }
    let sum: Option<Option<i64>> = select.into_tuple().one(db).await?;
    Ok(sum.flatten().unwrap_or(0))
}

/// A window's row, if it exists; locked until the transaction ends where the database locks rows.
pub async fn window_row(
    db: &impl ConnectionTrait,
    limit: uuid::Uuid,
    (start, end): Window,
) -> Result<Option<ledger_window::Model>, DbErr> {
    use ledger_window::Column;
    let mut select = ledger_window::Entity::find()
        .filter(Column::LimitId.eq(limit))
        .filter(Column::StartsAt.eq(start))
        .filter(Column::EndsAt.eq(end));
    if db.get_database_backend() == DbBackend::Postgres {
        select = select.lock_exclusive();
    }
    select.one(db).await
}

/// A window's row, if it exists, and the rows of other windows of the same limit that overlap it; all locked until the
/// transaction ends where the database locks rows, in the order in which everybody takes them.
pub(super) async fn overlapping(
    db: &impl ConnectionTrait,
    limit: uuid::Uuid,
    (start, end): Window,
) -> Result<(Option<ledger_window::Model>, Vec<ledger_window::Model>), DbErr> {
    use ledger_window::Column;
    let mut select = ledger_window::Entity::find()
        .filter(Column::LimitId.eq(limit))
        .filter(Column::StartsAt.lt(end))
        .filter(Column::EndsAt.gt(start))
        .order_by_asc(Column::Id);
    if db.get_database_backend() == DbBackend::Postgres {
        select = select.lock_exclusive();
    }
    let (mut own, rivals): (Vec<_>, Vec<_>) =
        select.all(db).await?.into_iter().partition(|row| (row.starts_at, row.ends_at) == (start, end));
    Ok((own.pop(), rivals))
}

/// What is left of the window before `start`, to be added to the one that begins there. Capacity that nodes still hold of
/// that window counts as used until they have given it back.
pub async fn rolled_over(db: &impl ConnectionTrait, limit: &Limit, start: Timestamp) -> Result<i64, DbErr> {
    let Some(before) = limit.rollover.then(|| limit.window_before(start)).flatten() else { return Ok(0) };
    use ledger_window::Column;
    let row = ledger_window::Entity::find()
        .filter(Column::LimitId.eq(limit.id))
        .filter(Column::StartsAt.eq(before.0))
        .filter(Column::EndsAt.eq(before.1))
        .one(db)
        .await?;
    let Some(row) = row else {
        if before.1 <= limit.created_at {
            return Ok(0);
        }
        // Nothing was ever asked of it. What came before it is not looked at: unused capacity does not pile up unseen.
        let used = sum(db, limit, before).await?;
        return Ok(positive(limit.amount - used));
    };
    let leased = leased(db, row.id).await?;
    Ok(positive(row.limit_value - row.used - leased))
}

/// Capacity that nodes hold of a window.
pub(super) async fn leased(db: &impl ConnectionTrait, window: WindowId) -> Result<i64, DbErr> {
    use entity::row::ledger_lease::{Column, Entity};
    let amounts: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Amount)
        .filter(Column::WindowId.eq(window))
        .into_tuple()
        .all(db)
        .await?;
    Ok(amounts.into_iter().map(positive).sum())
}
