//! Indexes by which a ranking reads a few rows instead of a day's or an hour's: days by their weights with the names that they
//! are of, so that the index alone tells who weighs what, and hours by the name of a key or a user.
//!
//! On Postgres, which is what holds millions of records, also records by the names that they stand under: a search for a model
//! that never was, or an endpoint that is seldom called, would else read every record of the organisation. And failures of a
//! team, of which there are few among what it did.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const WEIGHTS: [&str; 4] = ["cost", "requests", "tokens", "errors"];

/// Name, table, columns, and which rows.
const HOURS: [(&str, &str, &str, &str); 2] = [
    ("ix_usage_hour_key", "\"usage\"", "organisation_id, api_key, starts_at", "span = 3600"),
    ("ix_usage_hour_user", "\"usage\"", "organisation_id, \"user\", starts_at", "span = 3600 AND \"user\" IS NOT NULL"),
];
const RECORDS: [(&str, &str, &str, &str); 4] = [
    ("ix_usage_record_model", "usage_record", "organisation_id, model, at", "model IS NOT NULL"),
    ("ix_usage_record_provider", "usage_record", "organisation_id, provider, at", "provider IS NOT NULL"),
    ("ix_usage_record_endpoint", "usage_record", "organisation_id, endpoint, at", "endpoint IS NOT NULL"),
    (
        "ix_usage_record_failed_team",
        "usage_record",
        "team_id, at",
        "team_id IS NOT NULL AND (status >= 400 OR error_code IS NOT NULL)",
    ),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        patience(manager).await?;
        for (name, table, columns, only) in indexes(manager) {
            db.execute_unprepared(&format!("CREATE INDEX {name} ON {table} ({columns}) WHERE {only}")).await?;
        }
        // Last: from the first index that goes until the end, nobody can read days.
        weigh(manager, ", name").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        patience(manager).await?;
        for (name, ..) in indexes(manager) {
            db.execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        weigh(manager, "").await
    }
}

fn indexes(
    manager: &SchemaManager<'_>,
) -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    let of_records = manager.get_database_backend() == DbBackend::Postgres;
    HOURS.into_iter().chain(RECORDS.into_iter().filter(move |_| of_records))
}

/// An index of millions of rows takes longer than the gateway lets a statement take.
async fn patience(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Postgres {
        manager.get_connection().execute_unprepared("SET LOCAL statement_timeout = 0").await?;
    }
    Ok(())
}

/// Makes the indexes of weights anew, with what else they hold.
async fn weigh(manager: &SchemaManager<'_>, more: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    for weight in WEIGHTS {
        // Most days of most keys have no error, and the number of errors changes seldom enough to be held, too.
        let (only, also) = match weight {
            "errors" if !more.is_empty() => (" WHERE weight_errors > 0", ", errors"),
            "errors" => (" WHERE weight_errors > 0", ""),
            _ => ("", ""),
        };
        db.execute_unprepared(&format!("DROP INDEX ix_usage_day_{weight}")).await?;
        db.execute_unprepared(&format!(
            "CREATE INDEX ix_usage_day_{weight} ON usage_day (organisation_id, subject, starts_at, weight_{weight}{more}{also}){only}"
        ))
        .await?;
    }
    Ok(())
}
