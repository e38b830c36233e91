//! What records consumed, added to the windows that they fall into.

use std::collections::{BTreeMap, BTreeSet};

use entity::row::{ledger_lease, ledger_window};
use entity::{NodeId, WindowId};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::usage::Written;

/// Adds new records to the windows that they fall into, and takes what the node had set aside for them from its leases.
/// To be called in the transaction that writes the records, which holds the shared lock.
pub async fn settle(
    tx: &DatabaseTransaction,
    node: NodeId,
    records: &[&Written],
    leases: &BTreeMap<WindowId, i64>,
) -> Result<(), DbErr> {
    use ledger_window::Column;
    let consuming = || records.iter().filter(|record| record.dispatched);
    let all_owners: BTreeSet<Uuid> = consuming().flat_map(|record| record.owners()).collect();
    let (Some(first), Some(last)) = (consuming().map(|it| it.at).min(), consuming().map(|it| it.at).max()) else {
        return Ok(());
    };
    let windows = ledger_window::Entity::find()
        .filter(Column::OwnerId.is_in(all_owners))
        .filter(Column::EndsAt.gt(first))
        .filter(Column::StartsAt.lte(last))
        .all(tx)
        .await?;
    let mut sums: BTreeMap<WindowId, i64> = BTreeMap::new();
    for window in &windows {
        let theirs = consuming().filter(|record| {
            window.starts_at <= record.at
                && record.at < window.ends_at
                && record.owners().any(|id| id == window.owner_id)
        });
        let sum = theirs.fold(0_i64, |sum, record| sum.saturating_add(record.amount(window.metric)));
        if sum != 0 {
            sums.insert(window.id, sum);
        }
    }
    let now = entity::Timestamp::now();
    // In the order of ids: two nodes that settle at once never wait for each other in a circle.
    let touched: BTreeSet<WindowId> = sums.keys().chain(leases.keys()).copied().collect();
    for window in touched {
        if let Some(sum) = sums.get(&window) {
            ledger_window::Entity::update_many()
                .col_expr(Column::Used, Expr::col(Column::Used).add(*sum))
                .col_expr(Column::UpdatedAt, Expr::value(now.0))
                .filter(Column::Id.eq(window))
                .exec(tx)
                .await?;
        }
        if let Some(spent) = leases.get(&window).filter(|spent| **spent != 0) {
            ledger_lease::Entity::update_many()
                .col_expr(ledger_lease::Column::Amount, Expr::col(ledger_lease::Column::Amount).sub(*spent))
                .filter(ledger_lease::Column::WindowId.eq(window))
                .filter(ledger_lease::Column::NodeId.eq(node))
                .exec(tx)
                .await?;
        }
    }
    Ok(())
}
