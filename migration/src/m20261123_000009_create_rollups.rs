//! Sums over usage records by minute, hour and day. What a record does not have is the nil id, since a unique index does
//! not hold where a column is null.

use sea_orm_migration::prelude::*;

use crate::table::{big, create, drop, int, table, text, unique, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Bounds of the latency histogram in milliseconds; the last bucket has none.
const LATENCY: [&str; 16] = [
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
        let mut usage = table("usage");
        // Seconds: 60, 3 600 or 86 400.
        usage.col(int("span").not_null()).col(big("starts_at").not_null());
        for id in ["organisation_id", "team_id", "user_id", "api_key_id", "provider_id", "model_id"] {
            usage.col(uuid(id).not_null());
        }
        usage.col(int("status_class").not_null());
        for name in ["team", "user", "api_key", "provider", "model"] {
            usage.col(text(name));
        }
        for sum in
            ["requests", "errors", "tokens_in", "tokens_out", "units", "bytes", "cost_nanos", "unpriced", "latency_us"]
                .into_iter()
                .chain(LATENCY)
        {
            usage.col(big(sum).not_null());
        }
        let key = [
            "organisation_id",
            "span",
            "starts_at",
            "api_key_id",
            "model_id",
            "provider_id",
            "team_id",
            "user_id",
            "status_class",
        ];
        create(manager, [usage.to_owned()], [unique("usage", &key)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["usage"]).await
    }
}
