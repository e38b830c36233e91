//! What a window's records add up to.

use std::collections::HashMap;

use entity::row::{ledger_window, usage_record};
use entity::vocab::{Metric, Outcome, OwnerType};
use entity::{Timestamp, WindowId};
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::share::positive;
use crate::ledger::Limit;

/// Owners in one `IN (…)`.
const OWNERS: usize = 5_000;

/// A span of time: its first instant, and the first one after it.
pub type Window = (Timestamp, Timestamp);

/// What the records of `window` consumed of what `limit` counts. The counterpart of [`super::amount`] in SQL.
pub async fn sum(db: &impl ConnectionTrait, limit: &Limit, window: Window) -> Result<i64, DbErr> {
    sum_of(db, limit.metric, limit.owner_type, limit.owner_id, limit.organisation_id, window).await
}

/// What the records of each limit's window consumed of what it counts, by the limit's id: one query for all limits that count
/// the same of the same kind of owner in the same window. Of whom there is no record, nothing is said.
pub async fn sums(db: &impl ConnectionTrait, limits: &[(&Limit, Window)]) -> Result<HashMap<Uuid, i64>, DbErr> {
    let mut alike: Vec<Vec<&(&Limit, Window)>> = Vec::new();
    for one in limits {
        let (limit, window) = one;
        let same = |group: &&mut Vec<&(&Limit, Window)>| {
            group.first().is_some_and(|(other, its)| {
                (its, other.metric, other.owner_type, other.organisation_id)
                    == (window, limit.metric, limit.owner_type, limit.organisation_id)
            })
        };
        match alike.iter_mut().find(same) {
            Some(group) => group.push(one),
            None => alike.push(vec![one]),
        }
    }
    let mut found = HashMap::new();
    for group in alike {
        let Some((first, window)) = group.first() else { continue };
        let owner = owner_column(first.owner_type);
        for some in group.chunks(OWNERS) {
            let owners = some.iter().map(|(limit, _)| limit.owner_id);
            let sums: Vec<(Option<i64>, Uuid)> = of_window(first.metric, first.organisation_id, *window)
                .column_as(owner, "owner")
                .filter(owner.is_in(owners))
                .group_by(owner)
                .into_tuple()
                .all(db)
                .await?;
            let sums: HashMap<Uuid, i64> = sums.into_iter().map(|(sum, owner)| (owner, sum.unwrap_or(0))).collect();
            found.extend(some.iter().filter_map(|(limit, _)| Some((limit.id, *sums.get(&limit.owner_id)?))));
        }
    }
    Ok(found)
}

const fn owner_column(owner_type: OwnerType) -> usage_record::Column {
    match owner_type {
        OwnerType::Org => usage_record::Column::OrganisationId,
        OwnerType::Team => usage_record::Column::TeamId,
        OwnerType::User => usage_record::Column::UserId,
        OwnerType::ApiKey => usage_record::Column::ApiKeyId,
    }
}

/// The sum of what a metric counts of an organisation's records in a window.
fn of_window(
    metric: Metric,
    organisation: entity::OrganisationId,
    (start, end): Window,
) -> sea_orm::Select<usage_record::Entity> {
    use usage_record::Column;
    let counted: SimpleExpr = match metric {
        Metric::Requests => Expr::val(1_i64),
        Metric::Tokens => Column::TokensIn.into_expr().add(Column::TokensOut.into_expr()),
        Metric::TokensIn => Column::TokensIn.into_expr(),
        Metric::TokensOut => Column::TokensOut.into_expr(),
        Metric::Errors => Expr::case(Column::Outcome.eq(Outcome::Failed), 1_i64).finally(0_i64).into(),
        Metric::Cost => Column::CostNanos.into_expr(),
        Metric::LatencyMs => Column::LatencyUs.into_expr().div(1_000_i64),
    };
    usage_record::Entity::find()
        .select_only()
        // Postgres sums BIGINT as NUMERIC, which is more than we have room for.
        .column_as(counted.sum().cast_as("bigint"), "sum")
        .filter(Column::OrganisationId.eq(organisation))
        .filter(Column::At.gte(start))
        .filter(Column::At.lt(end))
        .filter(Column::Dispatched.eq(true))
}

pub(super) async fn sum_of(
    db: &impl ConnectionTrait,
    metric: Metric,
    owner_type: OwnerType,
    owner: uuid::Uuid,
    organisation: entity::OrganisationId,
    window: Window,
) -> Result<i64, DbErr> {
    let mut select = of_window(metric, organisation, window);
    if owner_type != OwnerType::Org {
        select = select.filter(owner_column(owner_type).eq(owner));
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
