//! Windows of budgets and quotas in the database: capacity granted to nodes, and what their requests consumed.
//!
//! `used` of a window is always the sum of the usage records that fall into it: both change in one transaction, and a window
//! that comes into being begins with the sum of the records that are there. Capacity that a node holds is a lease; what
//! may still be granted is the limit less what is used and less every lease.

mod grant;
mod lost;
mod settle;
mod share;
mod sums;
mod verify;

use entity::Timestamp;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, Statement};

pub use self::grant::{Ask, Granted, Report, answer, ask, figures, grant, release_all, renew, report, unanswered};
pub use self::lost::{bury, expired, forget_requests, note, reclaim};
pub use self::settle::settle;
pub use self::sums::{Window, rolled_over, sum, sums, window_row};
pub use self::verify::verify;

/// The advisory lock between those who write usage records, many at a time, and whoever opens a window, alone.
const LEDGER: i64 = 0x006f_646f_636b_0002;

/// Lets nobody open a window until this transaction ends. SQLite has one writer at a time anyhow.
pub(super) async fn share(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    lock(tx, "SELECT pg_advisory_xact_lock_shared($1)").await
}

/// Lets nobody write usage records until this transaction ends.
async fn exclude(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    lock(tx, "SELECT pg_advisory_xact_lock($1)").await
}

async fn lock(tx: &DatabaseTransaction, sql: &str) -> Result<(), DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [LEDGER.into()])).await.map(drop)
}

/// The database's clock, by which leases end: one clock for all nodes. SQLite has no clock but this machine's.
pub(in crate::store) async fn now(db: &impl ConnectionTrait) -> Result<Timestamp, DbErr> {
    #[derive(FromQueryResult)]
    struct Now {
        now: i64,
    }
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(Timestamp::now());
    }
    let sql = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint AS now";
    let found = Now::find_by_statement(Statement::from_string(DbBackend::Postgres, sql)).one(db).await?;
    Ok(found.map_or_else(Timestamp::now, |found| Timestamp(found.now)))
}
