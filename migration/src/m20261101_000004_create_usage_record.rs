//! One row a request. No foreign keys: deleting what a record names keeps the record.

use sea_orm_migration::prelude::*;

use crate::table::{big, create, drop, flag, index, int, json, table, text, unique, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [table("usage_record")
            .col(text("request_id").not_null())
            .col(text("trace_id"))
            .col(big("at").not_null())
            .col(uuid("organisation_id").not_null())
            .col(text("organisation").not_null())
            .col(uuid("team_id"))
            .col(text("team"))
            .col(uuid("user_id"))
            .col(text("user"))
            .col(uuid("api_key_id").not_null())
            .col(text("api_key").not_null())
            .col(uuid("provider_id"))
            .col(text("provider"))
            .col(uuid("model_id"))
            .col(text("model"))
            .col(text("endpoint").not_null())
            .col(flag("stream"))
            .col(text("outcome").not_null())
            .col(int("status").not_null())
            .col(text("error_code"))
            .col(json("tokens").not_null())
            .col(big("tokens_in").not_null())
            .col(big("tokens_out").not_null())
            .col(text("usage_source").not_null())
            .col(json("bill"))
            .col(big("cost_nanos"))
            .col(big("latency_us").not_null())
            .col(big("first_byte_us"))
            .col(big("overhead_us").not_null())
            .col(text("provider_request_id"))
            .col(json("provider_usage"))
            .col(json("routing").not_null())
            .col(json("metadata").not_null())
            .to_owned()];
        let indexes = [
            unique("usage_record", &["request_id"]),
            index("usage_record", &["organisation_id", "at"]),
            index("usage_record", &["api_key_id", "at"]),
        ];
        create(manager, tables, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["usage_record"]).await
    }
}
