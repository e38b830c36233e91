//! What is too old is deleted, a little at a time, so that nobody waits for it.

use entity::Timestamp;
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use uuid::Uuid;

use super::Database;

/// Rows deleted by one statement.
const ROWS: i64 = 2_000;
/// Statements in one round.
const STATEMENTS: usize = 25;

/// Deletes usage records of before `before`. Their sums by hour and day stay.
pub async fn records(database: &Database, before: Timestamp) -> Result<(), DbErr> {
    let oldest = "DELETE FROM usage_record WHERE id IN \
                  (SELECT id FROM usage_record WHERE organisation_id = $1 AND at < $2 ORDER BY at LIMIT $3)";
    delete(database, "usage_record", oldest, before).await
}

/// Deletes sums by minute of before `before`.
pub async fn minutes(database: &Database, before: Timestamp) -> Result<(), DbErr> {
    let oldest = "DELETE FROM \"usage\" WHERE id IN \
                  (SELECT id FROM \"usage\" WHERE organisation_id = $1 AND span = 60 AND starts_at < $2 ORDER BY starts_at LIMIT $3)";
    delete(database, "usage", oldest, before).await
}

/// Organisation by organisation, and in the order of time, because that is what the indexes hold: where nothing is too old,
/// nothing is read.
async fn delete(database: &Database, table: &str, oldest: &str, before: Timestamp) -> Result<(), DbErr> {
    let backend = database.backend();
    let sql = super::numbered(backend, oldest);
    let mut left = organisations(database, table).await?;
    let mut statements = 0;
    // In turns, so that nobody's rows wait until somebody else has none left.
    while !left.is_empty() {
        let mut more = Vec::new();
        for organisation in left {
            if statements == STATEMENTS {
                return Ok(());
            }
            statements += 1;
            let values: [Value; 3] = [organisation.into(), before.0.into(), ROWS.into()];
            let statement = Statement::from_sql_and_values(backend, &sql, values);
            let deleted = database.writer().execute_raw(statement).await?.rows_affected();
            if deleted >= u64::try_from(ROWS).unwrap_or(u64::MAX) {
                more.push(organisation);
            }
        }
        left = more;
    }
    Ok(())
}

/// The organisations that a table has rows of, those that are no more included: one step in its index for each of them.
async fn organisations(database: &Database, table: &str) -> Result<Vec<Uuid>, DbErr> {
    let sql = format!(
        "WITH RECURSIVE whose (id) AS ( \
             SELECT * FROM (SELECT organisation_id FROM \"{table}\" ORDER BY organisation_id LIMIT 1) AS first \
             UNION ALL SELECT (SELECT organisation_id FROM \"{table}\" WHERE organisation_id > whose.id \
                 ORDER BY organisation_id LIMIT 1) FROM whose WHERE whose.id IS NOT NULL) \
         SELECT id FROM whose WHERE id IS NOT NULL"
    );
    let rows = database.reader().query_all_raw(Statement::from_string(database.backend(), sql)).await?;
    rows.iter().map(|row| row.try_get("", "id")).collect()
}
