//! Thresholds that windows have reached: each raised once a window.

use std::collections::{BTreeMap, BTreeSet};

use entity::live::Threshold;
use entity::row::{budget, ledger_event, ledger_window, organisation, quota};
use entity::vocab::{LimitKind, Metric};
use entity::{OrganisationId, Timestamp, WindowId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TryInsertResult,
};
use uuid::Uuid;

use super::Database;

/// Windows that are looked at in one round, at most: those that changed last.
const ROUND: u64 = 5_000;
/// Windows that have not changed for this long were looked at before.
const RECENT_US: i64 = 10 * 60 * 1_000_000;

/// Raises every threshold that a window has reached and that was not raised before.
pub async fn raise(database: &Database) -> Result<Vec<Threshold>, DbErr> {
    let (db, now) = (database.reader(), Timestamp::now());
    let windows = ledger_window::Entity::find()
        .filter(ledger_window::Column::UpdatedAt.gt(now.0 - RECENT_US))
        .filter(ledger_window::Column::Used.gt(0))
        .order_by_desc(ledger_window::Column::UpdatedAt)
        .limit(ROUND)
        .all(db)
        .await?;
    if windows.is_empty() {
        return Ok(Vec::new());
    }
    let limits = thresholds(db, &windows).await?;
    let known = known(db, &windows).await?;
    let mut raised = Vec::new();
    for window in windows {
        let Some((name, thresholds)) = limits.get(&window.limit_id) else { continue };
        for threshold in thresholds {
            let reached = i128::from(window.used) * 100 >= i128::from(window.limit_value) * i128::from(*threshold);
            let is_new = reached && !known.contains(&(window.id, i32::from(*threshold)));
            // Another node may have been quicker.
            if is_new && note(database, &window, *threshold, now).await? {
                raised.push(Threshold {
                    at: now,
                    organisation_id: window.organisation_id,
                    kind: window.kind,
                    name: name.clone(),
                    metric: window.metric,
                    threshold: *threshold,
                    used: window.used,
                    limit: window.limit_value,
                    ends_at: window.ends_at,
                });
            }
        }
    }
    Ok(raised)
}

async fn thresholds(
    db: &impl ConnectionTrait,
    windows: &[ledger_window::Model],
) -> Result<BTreeMap<Uuid, (String, Vec<u16>)>, DbErr> {
    let ids = |kind| windows.iter().filter(move |window| window.kind == kind).map(|window| window.limit_id);
    let mut found = BTreeMap::new();
    let budgets: Vec<Uuid> = ids(LimitKind::Budget).collect();
    for ids in budgets.chunks(1_000) {
        let rows = budget::Entity::find().filter(budget::Column::Id.is_in(ids.iter().copied())).all(db).await?;
        found.extend(rows.into_iter().map(|row| (row.id.0, (row.name, row.thresholds.0.into_iter().collect()))));
    }
    let quotas: Vec<Uuid> = ids(LimitKind::Quota).collect();
    for ids in quotas.chunks(1_000) {
        let rows = quota::Entity::find().filter(quota::Column::Id.is_in(ids.iter().copied())).all(db).await?;
        found.extend(rows.into_iter().map(|row| (row.id.0, (row.name, row.thresholds.0.into_iter().collect()))));
    }
    Ok(found)
}

/// What was raised before, of these windows.
async fn known(
    db: &impl ConnectionTrait,
    windows: &[ledger_window::Model],
) -> Result<BTreeSet<(WindowId, i32)>, DbErr> {
    use ledger_event::{Column, Entity};
    let mut known = BTreeSet::new();
    for windows in windows.chunks(1_000) {
        let rows: Vec<(WindowId, i32)> = Entity::find()
            .select_only()
            .columns([Column::WindowId, Column::Threshold])
            .filter(Column::WindowId.is_in(windows.iter().map(|window| window.id)))
            .into_tuple()
            .all(db)
            .await?;
        known.extend(rows);
    }
    Ok(known)
}

/// Notes that a threshold was reached; false if that was known.
async fn note(
    database: &Database,
    window: &ledger_window::Model,
    threshold: u16,
    now: Timestamp,
) -> Result<bool, DbErr> {
    use ledger_event::{ActiveModel, Column, Entity};
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        organisation_id: Set(window.organisation_id),
        window_id: Set(window.id),
        threshold: Set(i32::from(threshold)),
        used: Set(window.used),
        limit_value: Set(window.limit_value),
        delivered_at: Set(None),
        attempts: Set(0),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let once = OnConflict::columns([Column::WindowId, Column::Threshold]).do_nothing().to_owned();
    let inserted = Entity::insert(row).on_conflict(once).try_insert().exec_without_returning(database.writer()).await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1)))
}

/// An event that nobody has taken yet.
#[derive(Debug)]
#[allow(missing_docs, reason = "each field is what its name says of the event or its window")]
pub struct Undelivered {
    pub id: Uuid,
    pub at: Timestamp,
    pub organisation: String,
    pub kind: LimitKind,
    pub name: String,
    pub metric: Metric,
    pub threshold: i32,
    pub used: i64,
    pub limit: i64,
    pub window: (Timestamp, Timestamp),
    pub attempts: i32,
}

/// How long an event is worth telling, in microseconds: a day.
const NEWS_US: i64 = 86_400 * 1_000_000;
/// Events that are looked at in one round, at most.
const EVENTS: u64 = 1_000;
/// The longest pause between two attempts, in seconds.
const MOST_PAUSE_S: i64 = 600;

/// Whether the pause after the last attempt is over: two seconds, doubled with each attempt.
fn is_due(event: &ledger_event::Model, now: Timestamp) -> bool {
    now.0 - event.updated_at.0 >= pause_s(event.attempts) * 1_000_000
}

fn pause_s(attempts: i32) -> i64 {
    match attempts {
        ..=0 => 0,
        1..=9 => 1 << attempts,
        _ => MOST_PAUSE_S,
    }
}

/// Events that nobody has taken yet and whose time has come, oldest first, at most `most`. Those of limits that were
/// deleted meanwhile are nobody's business.
pub async fn undelivered(database: &Database, most: usize) -> Result<Vec<Undelivered>, DbErr> {
    let (db, now) = (database.reader(), Timestamp::now());
    let events = ledger_event::Entity::find()
        .filter(ledger_event::Column::DeliveredAt.is_null())
        .filter(ledger_event::Column::CreatedAt.gt(now.0 - NEWS_US))
        .order_by_asc(ledger_event::Column::Id)
        .limit(EVENTS)
        .all(db)
        .await?;
    let mut found = Vec::with_capacity(events.len());
    for event in events.into_iter().filter(|event| is_due(event, now)).take(most) {
        let Some(window) = ledger_window::Entity::find_by_id(event.window_id).one(db).await? else { continue };
        let Some(name) = super::limits::name_of(db, window.kind, window.limit_id).await? else {
            // Counted as an attempt, so that it does not stand in the way of the others for ever.
            attempted(database, event.id, false).await?;
            continue;
        };
        found.push(Undelivered {
            id: event.id,
            at: event.created_at,
            organisation: slug(db, event.organisation_id).await?.unwrap_or_default(),
            kind: window.kind,
            name,
            metric: window.metric,
            threshold: event.threshold,
            used: event.used,
            limit: event.limit_value,
            window: (window.starts_at, window.ends_at),
            attempts: event.attempts,
        });
    }
    Ok(found)
}

async fn slug(db: &impl ConnectionTrait, id: OrganisationId) -> Result<Option<String>, DbErr> {
    organisation::Entity::find_by_id(id).select_only().column(organisation::Column::Slug).into_tuple().one(db).await
}

/// Notes that an event was posted, and whether it was taken.
pub async fn attempted(database: &Database, event: Uuid, taken: bool) -> Result<(), DbErr> {
    use ledger_event::Column;
    let now = Timestamp::now();
    let mut update = ledger_event::Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now.0))
        .filter(Column::Id.eq(event));
    if taken {
        update = update.col_expr(Column::DeliveredAt, Expr::value(now.0));
    }
    update.exec(database.writer()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_growing() {
        let pauses: Vec<i64> = (0..13).map(pause_s).collect();
        assert_eq!(pauses, [0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]);
    }
}
