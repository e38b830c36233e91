//! Capacity for nodes: granted, renewed, given back, asked for.

use std::time::Duration;

use entity::row::{ledger_lease, ledger_window};
use entity::{NodeId, Timestamp, WindowId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, JoinType, QueryFilter,
    QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::share::{Standing, positive, share};
use super::sums::{Window, overlapping, rolled_over, sum, window_row};
use crate::ledger::Limit;
use crate::store::Database;

/// What a node asks for.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Who asks.
    pub node: NodeId,
    /// What its requests lack; nothing less is of use.
    pub lacking: i64,
    /// Whether more may be granted, for the requests to come.
    pub ahead: bool,
    /// What the node can give back if more is lent than there is.
    pub spare: i64,
    /// How long the node may hold it without saying that it lives.
    pub ttl: Duration,
}

/// What a node got, and how the window stands.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The window.
    pub window: WindowId,
    /// Its limit.
    pub limit: i64,
    /// What its records consumed.
    pub used: i64,
    /// Capacity that the node now holds in addition; 0 if what it lacked could not be granted, negative if it had to give
    /// some back.
    pub granted: i64,
    /// What the node held before, as the books have it.
    pub held: i64,
    /// Whether the node had a lease before. Without one, what it believed to hold is gone.
    pub held_before: bool,
    /// What could still be granted after this; negative if more is lent than there is, as when a limit was lowered.
    pub available: i64,
    /// The last time that somebody asked the others to give back.
    pub asks: i64,
    /// Whether another node that lives holds capacity and has not answered the last ask.
    pub unanswered: bool,
    /// Whether another node that lives holds capacity at all.
    pub others_hold: bool,
    /// Windows of the same limit under other terms, which overlap this one and of which other nodes hold capacity: there
    /// are some for a while after the period, the timezone or the start was changed.
    pub rivals: Vec<WindowId>,
}

/// Opens the window if it is new, brings its limit up to date, and grants what can be granted.
pub async fn grant(database: &Database, limit: &Limit, window: Window, ask: Ask) -> Result<Granted, DbErr> {
    let mut tx = database.begin().await?;
    let (row, mut rivals) = overlapping(&tx, limit.id, window).await?;
    let row = match row {
        Some(row) if counts_for(&row, limit) => row,
        None if rivals.is_empty() => open(&tx, limit, window).await?,
        _ => {
            // Another lock is needed, and those who hold that one may wait for this row.
            tx.rollback().await?;
            tx = database.begin().await?;
            let row = turn_over(&tx, limit, window).await?;
            rivals = overlapping(&tx, limit.id, window).await?.1;
            row
        }
    };
    let now = super::now(&tx).await?;
    let whole = limit.amount.saturating_add(rolled_over(&tx, limit, window.0).await?);
    if row.limit_value != whole {
        ledger_window::Entity::update_many()
            .col_expr(ledger_window::Column::LimitValue, Expr::value(whole))
            .col_expr(ledger_window::Column::UpdatedAt, Expr::value(now.0))
            .filter(ledger_window::Column::Id.eq(row.id))
            .exec(&tx)
            .await?;
    }
    let ids = std::iter::once(row.id).chain(rivals.iter().map(|rival| rival.id));
    let leases = ledger_lease::Entity::find().filter(ledger_lease::Column::WindowId.is_in(ids)).all(&tx).await?;
    let (leases, pledges): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.window_id == row.id);
    let (own, others): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.node_id == ask.node);
    let held_before = !own.is_empty();
    let others_hold: Vec<&ledger_lease::Model> = others.iter().filter(|lease| lease.amount > 0).collect();
    // What requests of the same span may still spend under other terms will fall into this window too.
    let pledged: i64 = pledges.iter().map(|lease| positive(lease.amount)).sum();
    let standing = Standing {
        limit: whole.saturating_sub(pledged),
        used: row.used,
        own: own.first().map_or(0, |lease| lease.amount),
        others: others_hold.iter().map(|lease| lease.amount).sum(),
        nodes: i64::try_from(others_hold.len()).unwrap_or(0),
    };
    let (granted, available) = share(standing, &ask);
    if granted != 0 || held_before {
        lend(&tx, row.id, ask.node, granted, row.asks, Timestamp(now.0 + micros(ask.ttl)), now).await?;
    }
    tx.commit().await?;
    // Capacity of a node that has gone silent is not to be had, and nobody need be waited for.
    let alive = |lease: &&&ledger_lease::Model| lease.ends_at > now;
    let pledges = pledges.iter().filter(|lease| lease.node_id != ask.node && lease.amount > 0 && lease.ends_at > now);
    let asked_of = |lease: &&ledger_lease::Model| {
        rivals.iter().any(|rival| rival.id == lease.window_id && lease.answered < rival.asks)
    };
    let mut rivals_held: Vec<WindowId> = pledges.clone().map(|lease| lease.window_id).collect();
    rivals_held.dedup();
    Ok(Granted {
        window: row.id,
        limit: whole,
        used: row.used,
        granted,
        held: standing.own,
        held_before,
        available,
        asks: row.asks,
        others_hold: others_hold.iter().any(|lease| alive(&lease)),
        unanswered: others_hold.iter().filter(alive).any(|lease| lease.answered < row.asks)
            || pledges.clone().any(|lease| asked_of(&lease)),
        rivals: rivals_held,
    })
}

async fn open(tx: &DatabaseTransaction, limit: &Limit, window: Window) -> Result<ledger_window::Model, DbErr> {
    // Nobody may add a record between the sum and the row that begins with it.
    super::exclude(tx).await?;
    if let Some(row) = window_row(tx, limit.id, window).await? {
        return Ok(row);
    }
    let now = Timestamp::now();
    let row = ledger_window::Model {
        id: WindowId::new(),
        organisation_id: limit.organisation_id,
        kind: limit.kind,
        limit_id: limit.id,
        owner_type: limit.owner_type,
        owner_id: limit.owner_id,
        metric: limit.metric,
        starts_at: window.0,
        ends_at: window.1,
        limit_value: limit.amount,
        used: sum(tx, limit, window).await?,
        asks: 0,
        created_at: now,
        updated_at: now,
    };
    ledger_window::Entity::insert(ledger_window::ActiveModel::from(row.clone())).exec_without_returning(tx).await?;
    Ok(row)
}

/// Whether a window counts what its limit says now.
fn counts_for(row: &ledger_window::Model, limit: &Limit) -> bool {
    (row.metric, row.owner_type, row.owner_id) == (limit.metric, limit.owner_type, limit.owner_id)
}

/// Makes a window count what its limit says now, which had another owner or another metric when it was opened.
async fn turn_over(tx: &DatabaseTransaction, limit: &Limit, window: Window) -> Result<ledger_window::Model, DbErr> {
    use ledger_window::Column;
    let mut row = open(tx, limit, window).await?;
    if counts_for(&row, limit) {
        return Ok(row);
    }
    row.used = sum(tx, limit, window).await?;
    (row.metric, row.owner_type, row.owner_id) = (limit.metric, limit.owner_type, limit.owner_id);
    ledger_window::Entity::update_many()
        .col_expr(Column::Metric, Expr::value(row.metric))
        .col_expr(Column::OwnerType, Expr::value(row.owner_type))
        .col_expr(Column::OwnerId, Expr::value(row.owner_id))
        .col_expr(Column::Used, Expr::value(row.used))
        .filter(Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    Ok(row)
}

async fn lend(
    tx: &DatabaseTransaction,
    window: WindowId,
    node: NodeId,
    amount: i64,
    answered: i64,
    ends_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbErr> {
    use ledger_lease::Column;
    let row = ledger_lease::ActiveModel {
        id: Set(Uuid::now_v7()),
        window_id: Set(window),
        node_id: Set(node),
        amount: Set(amount),
        held: Set(0),
        answered: Set(answered),
        ends_at: Set(ends_at),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let more = Expr::col((ledger_lease::Entity, Column::Amount)).add(amount);
    let conflict = OnConflict::columns([Column::WindowId, Column::NodeId])
        .value(Column::Amount, more)
        .update_columns([Column::EndsAt, Column::UpdatedAt])
        .to_owned();
    ledger_lease::Entity::insert(row).on_conflict(conflict).exec_without_returning(tx).await.map(drop)
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX / 4)
}

/// Says that the node lives: its leases end `ttl` from now. Returns the windows of which it still holds a lease.
pub async fn renew(database: &Database, node: NodeId, ttl: Duration) -> Result<Vec<WindowId>, DbErr> {
    use ledger_lease::Column;
    let tx = database.begin().await?;
    let held = hold_leases(&tx, node).await?;
    let now = super::now(&tx).await?;
    ledger_lease::Entity::update_many()
        .col_expr(Column::EndsAt, Expr::value(now.0 + micros(ttl)))
        .filter(Column::NodeId.eq(node))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(held)
}

/// The windows of which a node has a lease. Where the database locks rows, these are locked until the transaction ends,
/// in the order in which everybody takes them.
async fn hold_leases(tx: &DatabaseTransaction, node: NodeId) -> Result<Vec<WindowId>, DbErr> {
    use ledger_lease::Column;
    let mut select = ledger_lease::Entity::find()
        .select_only()
        .column(Column::WindowId)
        .filter(Column::NodeId.eq(node))
        .order_by_asc(Column::WindowId);
    if tx.get_database_backend() == DbBackend::Postgres {
        select = select.lock_exclusive();
    }
    select.into_tuple().all(tx).await
}

/// What the node says of a window: capacity that it gives back, and what its requests hold of the rest.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// The window.
    pub window: WindowId,
    /// What is given back.
    pub back: i64,
    /// What requests under way have set aside.
    pub held: i64,
    /// Whether the node has no more to do with the window, so that its lease goes.
    pub done: bool,
}

/// Gives capacity back and says what is held, for any number of windows in one transaction. Windows in the order of their
/// ids, as everybody takes them.
pub async fn report(database: &Database, node: NodeId, reports: &[Report]) -> Result<(), DbErr> {
    use ledger_lease::Column;
    let mut reports = reports.to_vec();
    reports.sort_by_key(|report| report.window);
    let (tx, now) = (database.begin().await?, Timestamp::now());
    for report in reports {
        let mine = Column::WindowId.eq(report.window).and(Column::NodeId.eq(node));
        ledger_lease::Entity::update_many()
            .col_expr(Column::Amount, Expr::col(Column::Amount).sub(report.back))
            .col_expr(Column::Held, Expr::value(report.held))
            .col_expr(Column::UpdatedAt, Expr::value(now.0))
            .filter(mine.clone())
            .exec(&tx)
            .await?;
        if report.done {
            // What is above zero is a grant that was not heard of: it stays until it is.
            ledger_lease::Entity::delete_many().filter(mine).filter(Column::Amount.lte(0)).exec(&tx).await?;
        }
    }
    tx.commit().await
}

/// Asks every other node to give back what it does not need of a window, and returns the number of the ask.
pub async fn ask(database: &Database, window: WindowId) -> Result<i64, DbErr> {
    use ledger_window::Column;
    let tx = database.begin().await?;
    ledger_window::Entity::update_many()
        .col_expr(Column::Asks, Expr::col(Column::Asks).add(1))
        .filter(Column::Id.eq(window))
        .exec(&tx)
        .await?;
    let asks: Option<i64> = ledger_window::Entity::find()
        .select_only()
        .column(Column::Asks)
        .filter(Column::Id.eq(window))
        .into_tuple()
        .one(&tx)
        .await?;
    tx.commit().await?;
    Ok(asks.unwrap_or(0))
}

/// Answers every ask so far for a window, giving `back` what the node does not need.
pub async fn answer(database: &Database, node: NodeId, window: WindowId, back: i64, held: i64) -> Result<(), DbErr> {
    let tx = database.begin().await?;
    let asks: Option<i64> = ledger_window::Entity::find()
        .select_only()
        .column(ledger_window::Column::Asks)
        .filter(ledger_window::Column::Id.eq(window))
        .into_tuple()
        .one(&tx)
        .await?;
    use ledger_lease::Column;
    ledger_lease::Entity::update_many()
        .col_expr(Column::Amount, Expr::col(Column::Amount).sub(back))
        .col_expr(Column::Held, Expr::value(held))
        .col_expr(Column::Answered, Expr::value(asks.unwrap_or(0)))
        .filter(Column::WindowId.eq(window))
        .filter(Column::NodeId.eq(node))
        .exec(&tx)
        .await?;
    tx.commit().await
}

/// Gives back everything that a node holds: at the end of its life, or of its predecessor's, once its records are all
/// there.
pub async fn release_all(tx: &DatabaseTransaction, node: NodeId) -> Result<(), DbErr> {
    hold_leases(tx, node).await?;
    ledger_lease::Entity::delete_many().filter(ledger_lease::Column::NodeId.eq(node)).exec(tx).await.map(drop)
}

/// What was consumed of windows, and their limits.
pub async fn figures(db: &impl ConnectionTrait, windows: &[WindowId]) -> Result<Vec<(WindowId, i64, i64)>, DbErr> {
    use ledger_window::Column;
    let mut figures = Vec::with_capacity(windows.len());
    for windows in windows.chunks(1_000) {
        let rows: Vec<(WindowId, i64, i64)> = ledger_window::Entity::find()
            .select_only()
            .columns([Column::Id, Column::Used, Column::LimitValue])
            .filter(Column::Id.is_in(windows.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        figures.extend(rows);
    }
    Ok(figures)
}

/// Windows of which other nodes asked for capacity that this node holds and has not answered for.
pub async fn unanswered(db: &impl ConnectionTrait, node: NodeId) -> Result<Vec<WindowId>, DbErr> {
    ledger_lease::Entity::find()
        .select_only()
        .column(ledger_lease::Column::WindowId)
        .join(
            JoinType::InnerJoin,
            ledger_lease::Entity::belongs_to(ledger_window::Entity)
                .from(ledger_lease::Column::WindowId)
                .to(ledger_window::Column::Id)
                .into(),
        )
        .filter(ledger_lease::Column::NodeId.eq(node))
        .filter(ledger_lease::Column::Amount.gt(0))
        .filter(
            Expr::col((ledger_window::Entity, ledger_window::Column::Asks))
                .gt(Expr::col((ledger_lease::Entity, ledger_lease::Column::Answered))),
        )
        .into_tuple()
        .all(db)
        .await
}
