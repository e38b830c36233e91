//! Brings the schema to where the program needs it.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, TransactionTrait};

use super::Database;

/// The advisory lock that nodes take in turn to migrate ("odock" in ASCII).
const LOCK: i64 = 0x006f_646f_636b;

/// Applies every migration that is missing. Of several nodes that start at once, one migrates and the others wait.
///
/// # Errors
/// When the database refuses; what was applied before stays applied.
pub async fn up(database: &Database) -> Result<(), DbErr> {
    if database.backend() == DbBackend::Postgres {
        // A transaction-scoped lock goes away with its holder, however that ends.
        let lock = database.writer().begin().await?;
        lock.execute_raw(Statement::from_string(DbBackend::Postgres, format!("SELECT pg_advisory_xact_lock({LOCK})")))
            .await?;
        Migrator::up(database.writer(), None).await?;
        return lock.commit().await;
    }
    Migrator::up(database.writer(), None).await
}

/// Takes back the last `steps` migrations.
///
/// # Errors
/// When the database refuses.
pub async fn down(database: &Database, steps: u32) -> Result<(), DbErr> {
    Migrator::down(database.writer(), Some(steps)).await
}

/// Every migration's name, and whether it is applied.
///
/// # Errors
/// When the database refuses.
pub async fn status(database: &Database) -> Result<Vec<(String, bool)>, DbErr> {
    Migrator::install(database.writer()).await?;
    let applied = Migrator::get_applied_migrations(database.writer()).await?;
    let applied: std::collections::HashSet<String> =
        applied.iter().map(|migration| migration.name().to_owned()).collect();
    Ok(Migrator::migrations()
        .iter()
        .map(|migration| (migration.name().to_owned(), applied.contains(migration.name())))
        .collect())
}
