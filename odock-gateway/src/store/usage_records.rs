//! Usage records into the database, many in a statement.
//!
//! Every request ends here, so this is the one place that spells its own SQL: a few statements of so many rows each, which
//! every connection prepares once. Building them anew for each batch would cost more than the insert.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use entity::row::usage_record;
use entity::{NodeId, Timestamp, UsageRecordId, WindowId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter, QuerySelect,
    Statement, Value,
};

use super::Database;
use crate::ledger::Ledger;
use crate::usage::Written;

/// Rows of each statement. Every batch is a few of the first, and at most one of each other.
const ROWS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// The columns, and whether they hold JSON.
const COLUMNS: [(&str, bool); 37] = [
    ("id", false),
    ("request_id", false),
    ("trace_id", false),
    ("at", false),
    ("organisation_id", false),
    ("organisation", false),
    ("team_id", false),
    ("team", false),
    ("user_id", false),
    ("user", false),
    ("api_key_id", false),
    ("api_key", false),
    ("provider_id", false),
    ("provider", false),
    ("model_id", false),
    ("model", false),
    ("endpoint", false),
    ("stream", false),
    ("outcome", false),
    ("dispatched", false),
    ("status", false),
    ("error_code", false),
    ("tokens", true),
    ("tokens_in", false),
    ("tokens_out", false),
    ("usage_source", false),
    ("bill", true),
    ("cost_nanos", false),
    ("latency_us", false),
    ("first_byte_us", false),
    ("overhead_us", false),
    ("provider_request_id", false),
    ("provider_usage", true),
    ("routing", true),
    ("metadata", true),
    ("created_at", false),
    ("updated_at", false),
];

/// Commits records together with everything that follows from them: what windows of budgets and quotas have used, what is
/// left of this node's leases, rollups. A record that is there already stays as it is, and counts no second time.
pub async fn commit(database: &Database, ledger: &Ledger, records: &[Arc<Written>]) -> Result<(), DbErr> {
    let tx = database.begin().await?;
    if write(&tx, ledger, records).await? {
        return tx.commit().await;
    }
    // Some were written before, by a batch whose end was not heard of or by a process that died after it.
    tx.rollback().await?;
    let tx = database.begin().await?;
    let known = known(&tx, records.iter().map(|record| record.id)).await?;
    let fresh: Vec<Arc<Written>> = records.iter().filter(|it| !known.contains(&it.id)).cloned().collect();
    if !write(&tx, ledger, &fresh).await? {
        tx.rollback().await?;
        return Err(DbErr::Custom("another process writes the same usage records".into()));
    }
    tx.commit().await
}

/// Writes new records and what follows from them. False if one of them was there already.
async fn write(tx: &DatabaseTransaction, ledger: &Ledger, records: &[Arc<Written>]) -> Result<bool, DbErr> {
    let borrowed: Vec<&Written> = records.iter().map(Arc::as_ref).collect();
    let (leases, noted) = ledger.due(records.iter().map(|record| record.id));
    if !add(tx, ledger.node, &borrowed, &leases).await? {
        return Ok(false);
    }
    super::ledger::forget_requests(tx, &noted).await?;
    Ok(true)
}

/// Adds new records, with what windows have used and rollups, to a transaction. False if one was there already: then the
/// transaction must not be committed.
pub async fn add(
    tx: &DatabaseTransaction,
    node: NodeId,
    records: &[&Written],
    leases: &BTreeMap<WindowId, i64>,
) -> Result<bool, DbErr> {
    let (now, backend) = (Timestamp::now(), tx.get_database_backend());
    super::ledger::share(tx).await?;
    let mut written = 0;
    let mut rest = records;
    for (size, rows) in ROWS.into_iter().enumerate() {
        while let Some((some, others)) = rest.split_at_checked(rows) {
            let values: Vec<Value> = some.iter().flat_map(|record| row(record, now)).collect();
            let insert = Statement::from_sql_and_values(backend, sql(backend, size), values);
            written += tx.execute_raw(insert).await?.rows_affected();
            rest = others;
        }
    }
    if written != records.len() as u64 {
        return Ok(false);
    }
    super::ledger::settle(tx, node, records, leases).await?;
    super::rollups::add(tx, records).await?;
    Ok(true)
}

/// Those of the records that the database has.
pub async fn known(
    db: &impl ConnectionTrait,
    records: impl IntoIterator<Item = UsageRecordId>,
) -> Result<HashSet<UsageRecordId>, DbErr> {
    let mut known = HashSet::new();
    let records: Vec<UsageRecordId> = records.into_iter().collect();
    for records in records.chunks(1_000) {
        let ids: Vec<UsageRecordId> = usage_record::Entity::find()
            .select_only()
            .column(usage_record::Column::Id)
            .filter(usage_record::Column::Id.is_in(records.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        known.extend(ids);
    }
    Ok(known)
}

/// The insert of as many rows as [`ROWS`] says.
fn sql(backend: DbBackend, size: usize) -> &'static str {
    static SQL: [[OnceLock<String>; ROWS.len()]; 2] = [const { [const { OnceLock::new() }; ROWS.len()] }; 2];
    let postgres = backend == DbBackend::Postgres;
    SQL[usize::from(postgres)][size].get_or_init(|| {
        let names = COLUMNS.map(|(name, _)| format!("\"{name}\""));
        let mut sql = format!("INSERT INTO usage_record ({}) VALUES ", names.join(", "));
        let mut parameter = 0;
        for row in 0..ROWS[size] {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for (column, (_, json)) in COLUMNS.iter().enumerate() {
                parameter += 1;
                let comma = if column == 0 { "" } else { ", " };
                // Writing to a string cannot fail.
                let _ = match (postgres, json) {
                    (true, true) => write!(sql, "{comma}CAST(${parameter} AS jsonb)"),
                    (true, false) => write!(sql, "{comma}${parameter}"),
                    (false, _) => write!(sql, "{comma}?"),
                };
            }
            sql.push(')');
        }
        sql.push_str(" ON CONFLICT (id) DO NOTHING");
        sql
    })
}

/// A row's values, in the order of [`COLUMNS`]. JSON goes as text: in SQLite it is stored so, and Postgres casts it.
fn row(record: &Written, now: Timestamp) -> [Value; COLUMNS.len()] {
    let count = |count: u64| Value::from(i64::try_from(count).unwrap_or(i64::MAX));
    [
        record.id.into(),
        record.request_id().into(),
        record.trace_id().into(),
        record.at.into(),
        record.organisation_id.into(),
        record.organisation().into(),
        record.team_id.map(|id| id.0).into(),
        record.team().into(),
        record.user_id.map(|id| id.0).into(),
        record.user().into(),
        record.api_key_id.into(),
        record.api_key().into(),
        record.provider_id.map(|id| id.0).into(),
        record.provider().into(),
        record.model_id.map(|id| id.0).into(),
        record.model().into(),
        record.endpoint().into(),
        record.stream.into(),
        record.outcome.as_str().into(),
        record.dispatched.into(),
        i32::from(record.status).into(),
        record.error_code().into(),
        record.tokens().into(),
        count(record.tokens_in),
        count(record.tokens_out),
        record.usage_source.as_str().into(),
        record.bill().into(),
        record.cost_nanos.into(),
        count(record.latency_us),
        record.first_byte_us.map_or(Value::BigInt(None), count),
        count(record.overhead_us),
        record.provider_request_id().into(),
        record.provider_usage().into(),
        record.routing().into(),
        record.metadata().into(),
        now.into(),
        now.into(),
    ]
}
