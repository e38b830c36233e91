//! What is too old is deleted, a little at a time, so that nobody waits for it.

use entity::Timestamp;
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

use super::Database;

/// Rows deleted by one statement.
const ROWS: i64 = 2_000;
/// Statements in one round.
const STATEMENTS: usize = 25;

/// Deletes usage records of before `before`. Their sums by hour and day stay.
pub async fn records(database: &Database, before: Timestamp) -> Result<(), DbErr> {
    let oldest = "DELETE FROM usage_record WHERE id IN (SELECT id FROM usage_record WHERE at < $1 LIMIT $2)";
    delete(database, oldest, vec![before.0.into(), ROWS.into()]).await
}

/// Deletes sums by minute of before `before`.
pub async fn minutes(database: &Database, before: Timestamp) -> Result<(), DbErr> {
    let oldest =
        "DELETE FROM \"usage\" WHERE id IN (SELECT id FROM \"usage\" WHERE span = 60 AND starts_at < $1 LIMIT $2)";
    delete(database, oldest, vec![before.0.into(), ROWS.into()]).await
}

async fn delete(database: &Database, sql: &str, values: Vec<Value>) -> Result<(), DbErr> {
    let backend = database.backend();
    let sql = super::numbered(backend, sql);
    for _ in 0..STATEMENTS {
        let statement = Statement::from_sql_and_values(backend, &sql, values.clone());
        let deleted = database.writer().execute_raw(statement).await?.rows_affected();
        if deleted < u64::try_from(ROWS).unwrap_or(u64::MAX) {
            return Ok(());
        }
    }
    Ok(())
}
