//! Windows of budgets and quotas as administrators see them.

use std::collections::HashMap;

use entity::ledger::WindowState;
use entity::row::{ledger_lease, ledger_window};
use entity::{Timestamp, WindowId};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::ledger::Limit;

/// Values in one `IN (…)`.
const IN_LIST: usize = 5_000;

/// The windows that hold `now`, by the id of their budget or quota; a window in which nothing was counted yet is not there.
pub async fn open(
    db: &impl ConnectionTrait,
    limits: &[Limit],
    now: Timestamp,
) -> Result<HashMap<Uuid, WindowState>, DbErr> {
    let due: HashMap<Uuid, (Timestamp, Timestamp)> =
        limits.iter().filter_map(|limit| Some((limit.id, limit.window(now)?))).collect();
    let ids: Vec<Uuid> = due.keys().copied().collect();
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IN_LIST) {
        let found = ledger_window::Entity::find()
            .filter(ledger_window::Column::LimitId.is_in(ids.iter().copied()))
            .filter(ledger_window::Column::StartsAt.lte(now))
            .filter(ledger_window::Column::EndsAt.gt(now))
            .all(db)
            .await?;
        // A budget whose period was changed has a window of the old period that is open, too.
        rows.extend(found.into_iter().filter(|row| due.get(&row.limit_id) == Some(&(row.starts_at, row.ends_at))));
    }
    let held = held(db, &rows).await?;
    let state = |row: ledger_window::Model| {
        let reserved = held.get(&row.id).copied().unwrap_or(0);
        let left = row.limit_value.saturating_sub(row.used).saturating_sub(reserved);
        let (start, end) = (row.starts_at, row.ends_at);
        (row.limit_id, WindowState { start, end, limit: row.limit_value, used: row.used, reserved, left })
    };
    Ok(rows.into_iter().map(state).collect())
}

/// What requests under way have set aside, by window.
async fn held(db: &impl ConnectionTrait, windows: &[ledger_window::Model]) -> Result<HashMap<WindowId, i64>, DbErr> {
    let ids: Vec<WindowId> = windows.iter().map(|row| row.id).collect();
    let mut held = HashMap::new();
    for ids in ids.chunks(IN_LIST) {
        let sums: Vec<(WindowId, Option<i64>)> = ledger_lease::Entity::find()
            .select_only()
            .column(ledger_lease::Column::WindowId)
            .column_as(ledger_lease::Column::Held.sum().cast_as("bigint"), "held")
            .filter(ledger_lease::Column::WindowId.is_in(ids.iter().copied()))
            .group_by(ledger_lease::Column::WindowId)
            .into_tuple()
            .all(db)
            .await?;
        held.extend(sums.into_iter().map(|(id, sum)| (id, sum.unwrap_or(0))));
    }
    Ok(held)
}
