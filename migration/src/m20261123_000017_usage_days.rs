//! Days of each virtual key and of each user, so that rankings over months read a few rows of each and not every hour of
//! everybody; and indexes: of sums for what one user or one team did and for sums over all organisations, of records for how they
//! failed and for the traces that callers sent along, which most do not, and of keys by creation and across organisations.
//!
//! A row's weights grade what it sums: the rows of a day that weigh much are found without reading the others.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::table::{big, drop, int, text, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const SUMS: [&str; 24] = [
    "requests",
    "errors",
    "tokens_in",
    "tokens_out",
    "units",
    "cost_nanos",
    "unpriced",
    "latency_us",
    "latency_1",
    "latency_2",
    "latency_4",
    "latency_8",
    "latency_16",
    "latency_32",
    "latency_64",
    "latency_128",
    "latency_256",
    "latency_512",
    "latency_1024",
    "latency_2048",
    "latency_4096",
    "latency_8192",
    "latency_16384",
    "latency_more",
];

/// What is graded, and what of a row that is.
const WEIGHTS: [(&str, &str); 4] =
    [("cost", "cost_nanos"), ("requests", "requests"), ("tokens", "(tokens_in + tokens_out)"), ("errors", "errors")];

/// Whose days, and the column of their names. Who has no name has the empty one.
const SUBJECTS: [(&str, &str); 2] = [("key", "api_key"), ("user", "\"user\"")];

const FAILED: &str = "status >= 400 OR error_code IS NOT NULL";
/// Name, table, columns, and which rows.
const INDEXES: [(&str, &str, &str, &str); 7] = [
    ("ix_usage_coarse", "\"usage\"", "span, starts_at", "span < 0"),
    ("ix_usage_record_trace_id", "usage_record", "trace_id", "trace_id IS NOT NULL"),
    ("ix_usage_record_failed_outcome", "usage_record", "organisation_id, outcome, at", FAILED),
    ("ix_usage_record_failed_status", "usage_record", "organisation_id, status, at", FAILED),
    ("ix_usage_record_failed_error", "usage_record", "organisation_id, error_code, at", FAILED),
    ("ix_api_key_created_at", "api_key", "organisation_id, created_at, id", ""),
    ("ix_api_key_name", "api_key", "name, id", ""),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut days = Table::create().table("usage_day").to_owned();
        days.col(uuid("organisation_id").not_null())
            .col(text("subject").not_null())
            .col(text("name").not_null())
            .col(big("starts_at").not_null());
        for sum in SUMS {
            days.col(big(sum).not_null());
        }
        for weight in ["weight_cost", "weight_requests", "weight_tokens", "weight_errors"] {
            days.col(int(weight).not_null());
        }
        days.primary_key(Index::create().col("organisation_id").col("subject").col("name").col("starts_at"));
        manager.create_table(days).await?;

        let db = manager.get_connection();
        let sums = SUMS.map(|sum| format!("SUM({sum}) AS {sum}")).join(", ");
        let weights = WEIGHTS.map(|(_, sum)| graded(sum)).join(", ");
        for (subject, name) in SUBJECTS {
            let fill = format!(
                "INSERT INTO usage_day (organisation_id, subject, name, starts_at, {0}, weight_cost, weight_requests, \
                     weight_tokens, weight_errors) \
                 SELECT organisation_id, '{subject}', name, starts_at, {0}, {weights} FROM ( \
                     SELECT organisation_id, COALESCE({name}, '') AS name, starts_at, {sums} FROM \"usage\" \
                     WHERE span = 86400 GROUP BY organisation_id, COALESCE({name}, ''), starts_at) AS days",
                SUMS.join(", ")
            );
            db.execute_unprepared(&fill).await?;
        }
        let nil = match db.get_database_backend() {
            DbBackend::Postgres => "'00000000-0000-0000-0000-000000000000'",
            _ => "x'00000000000000000000000000000000'",
        };
        for (weight, _) in WEIGHTS {
            // Most days of most keys have no error.
            let only = if weight == "errors" { " WHERE weight_errors > 0" } else { "" };
            let sql = format!(
                "CREATE INDEX ix_usage_day_{weight} ON usage_day (organisation_id, subject, starts_at, weight_{weight}){only}"
            );
            db.execute_unprepared(&sql).await?;
        }
        for id in ["user_id", "team_id"] {
            let sql = format!(
                "CREATE INDEX ix_usage_{id} ON \"usage\" ({id}, span, starts_at) WHERE span > 0 AND {id} <> {nil}"
            );
            db.execute_unprepared(&sql).await?;
        }
        for (name, table, columns, only) in INDEXES {
            let only = if only.is_empty() { String::new() } else { format!(" WHERE {only}") };
            db.execute_unprepared(&format!("CREATE INDEX {name} ON {table} ({columns}){only}")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for name in INDEXES.into_iter().map(|(name, ..)| name).chain(["ix_usage_team_id", "ix_usage_user_id"]) {
            db.execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        drop(manager, &["usage_day"]).await
    }
}

/// The grade of a sum: two for each decimal place, and one more from 3 on.
fn graded(sum: &str) -> String {
    format!(
        "CASE WHEN {sum} <= 0 THEN 0 ELSE 2 * LENGTH(CAST({sum} AS TEXT)) \
         + CASE WHEN CAST({sum} AS TEXT) >= '3' THEN 1 ELSE 0 END END"
    )
}
