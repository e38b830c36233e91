//! Locks that last as long as their transaction.

use entity::OrganisationId;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};

/// The lock for what is in no organisation.
const NOWHERE: i64 = 0x006f_646f_636b_0001;

/// Makes changes to one organisation, or to what is in none, wait for each other.
///
/// SQLite has one writer at a time anyhow; Postgres gets an advisory lock, whose wait is bounded by `lock_timeout`.
pub async fn serialise(db: &DatabaseTransaction, organisation: Option<OrganisationId>) -> Result<(), DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    // The second half of a UUIDv7 is random; two organisations that share it merely wait for each other.
    let key = organisation.map_or(NOWHERE, |id| id.0.as_u64_pair().1.cast_signed());
    let lock = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_advisory_xact_lock($1)", [key.into()]);
    db.execute_raw(lock).await.map(drop)
}
