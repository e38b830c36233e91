//! What remains of nodes that are gone: leases that ended, and requests that were under way.

use entity::row::{ledger_lease, ledger_request};
use entity::usage::UsageRecord;
use entity::{NodeId, Timestamp, UsageRecordId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter};

use super::share::positive;
use crate::store::Database;

/// Leases whose time was over at the database's present.
pub async fn expired(database: &Database) -> Result<Vec<ledger_lease::Model>, DbErr> {
    let now = super::now(database.reader()).await?;
    ledger_lease::Entity::find().filter(ledger_lease::Column::EndsAt.lt(now)).all(database.reader()).await
}

/// Writes down requests that have been under way for a while, with the records that they leave if nothing more is heard of
/// them.
pub async fn note(db: &impl ConnectionTrait, node: NodeId, records: &[UsageRecord]) -> Result<(), DbErr> {
    let now = Timestamp::now();
    let rows = records.iter().map(|record| {
        let json = serde_json::to_value(record).map_err(|error| DbErr::Json(error.to_string()))?;
        Ok(ledger_request::ActiveModel {
            id: Set(record.id),
            node_id: Set(node),
            request_id: Set(record.request_id.clone()),
            record: Set(json),
            created_at: Set(now),
            updated_at: Set(now),
        })
    });
    let rows: Vec<_> = rows.collect::<Result<_, DbErr>>()?;
    if rows.is_empty() {
        return Ok(());
    }
    let once = OnConflict::column(ledger_request::Column::Id).do_nothing().to_owned();
    ledger_request::Entity::insert_many(rows).on_conflict(once).exec_without_returning(db).await.map(drop)
}

/// Forgets requests that have ended.
pub async fn forget_requests(db: &impl ConnectionTrait, ids: &[UsageRecordId]) -> Result<(), DbErr> {
    for ids in ids.chunks(1_000) {
        let gone = ledger_request::Column::Id.is_in(ids.iter().copied());
        ledger_request::Entity::delete_many().filter(gone).exec(db).await?;
    }
    Ok(())
}

/// What was found of a node that is lost.
#[derive(Debug, Default)]
pub struct Lost {
    /// The records of its requests that were under way.
    pub records: Vec<UsageRecord>,
    /// Capacity that it held, over all windows.
    pub leased: i64,
    /// Leases that it held.
    pub leases: u64,
}

/// Takes away what a lost node held. Its requests' records are returned, to be charged or not; their notes are gone.
pub async fn reclaim(tx: &DatabaseTransaction, node: NodeId) -> Result<Lost, DbErr> {
    let now = super::now(tx).await?;
    use ledger_lease::Column;
    let ended =
        ledger_lease::Entity::find().filter(Column::NodeId.eq(node)).filter(Column::EndsAt.lt(now)).all(tx).await?;
    if ended.is_empty() {
        return Ok(Lost::default());
    }
    let notes = ledger_request::Entity::find().filter(ledger_request::Column::NodeId.eq(node)).all(tx).await?;
    let mut records = Vec::with_capacity(notes.len());
    for note in &notes {
        let record = serde_json::from_value(note.record.clone());
        records.push(record.map_err(|error| DbErr::Type(format!("ledger_request {}: record: {error}", note.id)))?);
    }
    ledger_request::Entity::delete_many().filter(ledger_request::Column::NodeId.eq(node)).exec(tx).await?;
    super::release_all(tx, node).await?;
    Ok(Lost { records, leased: ended.iter().map(|it| positive(it.amount)).sum(), leases: ended.len() as u64 })
}

/// Gives back what an earlier process held whose records are all in the database, and forgets its requests.
pub async fn bury(database: &Database, node: NodeId) -> Result<(), DbErr> {
    let tx = database.begin().await?;
    ledger_request::Entity::delete_many().filter(ledger_request::Column::NodeId.eq(node)).exec(&tx).await?;
    super::release_all(&tx, node).await?;
    tx.commit().await
}
