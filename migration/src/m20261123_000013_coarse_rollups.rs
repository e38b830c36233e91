//! Rollups that leave out keys and users, so that sums over months need not be added up from every key's: the spans are
//! negative. Those of before this migration follow from the ones that are there.
//!
//! And indexes of records that hold only what they are for: searches for failures, and for what a team or a user did, which
//! would else read every record of the organisation. What has none of these costs nothing more to write.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Name, columns, and which records.
const INDEXES: [(&str, &str, &str); 3] = [
    ("ix_usage_record_failed_at", "organisation_id, at", "status >= 400 OR error_code IS NOT NULL"),
    ("ix_usage_record_team_id_at", "team_id, at", "team_id IS NOT NULL"),
    ("ix_usage_record_user_id_at", "user_id, at", "user_id IS NOT NULL"),
];

const SUMS: [&str; 25] = [
    "requests",
    "errors",
    "tokens_in",
    "tokens_out",
    "units",
    "bytes",
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

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let (id, nil) = match db.get_database_backend() {
            DbBackend::Postgres => ("gen_random_uuid()", "CAST('00000000-0000-0000-0000-000000000000' AS uuid)"),
            _ => ("randomblob(16)", "zeroblob(16)"),
        };
        let sums = SUMS.map(|sum| format!("SUM({sum})")).join(", ");
        let fill = format!(
            "INSERT INTO \"usage\" (id, created_at, updated_at, organisation_id, span, starts_at, api_key_id, model_id, \
                 provider_id, team_id, user_id, status_class, team, provider, model, {}) \
             SELECT {id}, MIN(created_at), MAX(updated_at), organisation_id, -span, starts_at, {nil}, model_id, provider_id, \
                 team_id, {nil}, status_class, MIN(team), MIN(provider), MIN(model), {sums} \
             FROM \"usage\" WHERE span IN (3600, 86400) \
             GROUP BY organisation_id, span, starts_at, model_id, provider_id, team_id, status_class",
            SUMS.join(", ")
        );
        db.execute_unprepared(&fill).await?;
        for (name, columns, only) in INDEXES {
            let sql = format!("CREATE INDEX {name} ON usage_record ({columns}) WHERE {only}");
            db.execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for (name, ..) in INDEXES {
            db.execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        db.execute_unprepared("DELETE FROM \"usage\" WHERE span < 0").await.map(drop)
    }
}
