//! Windows of budgets and quotas, the capacity that nodes hold of them, and the thresholds that they reached.

use sea_orm_migration::prelude::*;

use crate::table::{big, cascade, create, drop, index, int, json, table, text, unique, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            table("ledger_window")
                .col(uuid("organisation_id").not_null())
                .col(text("kind").not_null())
                .col(uuid("limit_id").not_null())
                .col(text("owner_type").not_null())
                .col(uuid("owner_id").not_null())
                .col(text("metric").not_null())
                .col(big("starts_at").not_null())
                .col(big("ends_at").not_null())
                .col(big("limit_value").not_null())
                .col(big("used").not_null())
                .col(big("asks").not_null())
                .foreign_key(&mut cascade("ledger_window", "organisation_id", "organisation"))
                .to_owned(),
            table("ledger_lease")
                .col(uuid("window_id").not_null())
                .col(uuid("node_id").not_null())
                .col(big("amount").not_null())
                .col(big("held").not_null())
                .col(big("answered").not_null())
                .col(big("ends_at").not_null())
                .foreign_key(&mut cascade("ledger_lease", "window_id", "ledger_window"))
                .to_owned(),
            table("ledger_request")
                .col(uuid("node_id").not_null())
                .col(text("request_id").not_null())
                .col(json("record").not_null())
                .to_owned(),
            table("ledger_event")
                .col(uuid("organisation_id").not_null())
                .col(uuid("window_id").not_null())
                .col(int("threshold").not_null())
                .col(big("used").not_null())
                .col(big("limit_value").not_null())
                .col(big("delivered_at"))
                .col(int("attempts").not_null())
                .foreign_key(&mut cascade("ledger_event", "window_id", "ledger_window"))
                .to_owned(),
        ];
        let indexes = [
            unique("ledger_window", &["limit_id", "starts_at", "ends_at"]),
            index("ledger_window", &["owner_id", "ends_at"]),
            unique("ledger_lease", &["window_id", "node_id"]),
            index("ledger_lease", &["node_id"]),
            index("ledger_lease", &["ends_at"]),
            index("ledger_request", &["node_id"]),
            unique("ledger_event", &["window_id", "threshold"]),
            index("ledger_event", &["delivered_at"]),
        ];
        create(manager, tables, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["ledger_event", "ledger_request", "ledger_lease", "ledger_window"]).await
    }
}
