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

/// The lock of the one node that works for all.
const WORKER: i64 = 0x006f_646f_636b_0003;

/// The right to work for all nodes, until it is ended or dropped.
#[must_use = "the right is given back when this is dropped"]
pub struct WorkersTurn(Option<DatabaseTransaction>);

impl WorkersTurn {
    /// Gives the right back.
    ///
    /// # Errors
    /// When the database has gone away meanwhile.
    pub async fn end(self) -> Result<(), DbErr> {
        match self.0 {
            Some(tx) => tx.rollback().await,
            None => Ok(()),
        }
    }
}

/// Takes the right to work for all nodes; `None` while another has it. A SQLite file has one process.
pub async fn worker(database: &super::Database) -> Result<Option<WorkersTurn>, DbErr> {
    if database.backend() != DbBackend::Postgres {
        return Ok(Some(WorkersTurn(None)));
    }
    let tx = database.begin().await?;
    let sql = "SELECT pg_try_advisory_xact_lock($1) AS mine";
    let asked = tx.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [WORKER.into()])).await?;
    let mine: bool = match asked {
        Some(row) => row.try_get("", "mine")?,
        None => false,
    };
    if mine {
        return Ok(Some(WorkersTurn(Some(tx))));
    }
    tx.rollback().await?;
    Ok(None)
}
