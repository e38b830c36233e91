//! What is too old is deleted, a little at a time, so that nobody waits for it.

use entity::Timestamp;
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use uuid::Uuid;

use super::Database;

/// Rows deleted by one statement.
const ROWS: u64 = 2_000;
/// Rows deleted in one round, or a statement's more.
const MOST: u64 = 50_000;

/// Which rows of a table grow old, and the column that says when.
struct Aging {
    table: &'static str,
    time: &'static str,
    only: &'static str,
}

/// Deletes usage records of before `before`. Their sums by hour and day stay.
pub async fn records(database: &Database, before: Timestamp) -> Result<(), DbErr> {
    Aging { table: "usage_record", time: "at", only: "" }.delete(database, before).await
}

/// Deletes sums by minute of before `before`.
pub async fn minutes(database: &Database, before: Timestamp) -> Result<(), DbErr> {
    Aging { table: "\"usage\"", time: "starts_at", only: "AND span = 60" }.delete(database, before).await
}

impl Aging {
    /// Organisation by organisation, and in the order of time, because that is what the indexes hold: where nothing is too
    /// old, nothing is read.
    async fn delete(&self, database: &Database, before: Timestamp) -> Result<(), DbErr> {
        let Self { table, time, only } = self;
        let backend = database.backend();
        let sql = format!(
            "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} \
             WHERE organisation_id = $1 {only} AND {time} < $2 ORDER BY {time} LIMIT {ROWS})"
        );
        let sql = super::numbered(backend, &sql);
        let mut left = self.organisations(database, before).await?;
        let mut rows = 0;
        // In turns, so that few rows need not wait until somebody's many are gone.
        while !left.is_empty() {
            let mut more = Vec::new();
            for organisation in left {
                if rows >= MOST {
                    return Ok(());
                }
                let values: [Value; 2] = [organisation.into(), before.0.into()];
                let statement = Statement::from_sql_and_values(backend, &sql, values);
                let deleted = database.writer().execute_raw(statement).await?.rows_affected();
                rows += deleted;
                if deleted >= ROWS {
                    more.push(organisation);
                }
            }
            left = more;
        }
        Ok(())
    }

    /// The organisations that have something too old, those that are no more included; whose is the oldest comes first, so
    /// that a round that ends early is made up for by the next. For each organisation of the table two steps in its index.
    async fn organisations(&self, database: &Database, before: Timestamp) -> Result<Vec<Uuid>, DbErr> {
        let Self { table, time, only } = self;
        let backend = database.backend();
        let sql = format!(
            "WITH RECURSIVE whose (id) AS ( \
                 SELECT * FROM (SELECT organisation_id FROM {table} ORDER BY organisation_id LIMIT 1) AS first \
                 UNION ALL SELECT (SELECT organisation_id FROM {table} WHERE organisation_id > whose.id \
                     ORDER BY organisation_id LIMIT 1) FROM whose WHERE whose.id IS NOT NULL) \
             SELECT id FROM (SELECT id, (SELECT {time} FROM {table} WHERE organisation_id = whose.id {only} \
                 ORDER BY {time} LIMIT 1) AS oldest FROM whose WHERE id IS NOT NULL) AS ages \
             WHERE oldest < $1 ORDER BY oldest"
        );
        let statement = Statement::from_sql_and_values(backend, super::numbered(backend, &sql), [before.0.into()]);
        let rows = database.reader().query_all_raw(statement).await?;
        rows.iter().map(|row| row.try_get("", "id")).collect()
    }
}
