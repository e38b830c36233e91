//! Budgets, quotas and overlays, as they are declared. An owner may be of several kinds, so it has no foreign key; whoever
//! deletes one is refused while something refers to it.

use sea_orm_migration::prelude::*;

use crate::table::{big, cascade, create, drop, flag, index, int, json, table, text, unique, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            table("budget")
                .col(uuid("organisation_id").not_null())
                .col(text("name").not_null())
                .col(text("owner_type").not_null())
                .col(uuid("owner_id").not_null())
                .col(text("period").not_null())
                .col(big("starts_at"))
                .col(big("ends_at"))
                .col(text("timezone").not_null())
                .col(text("currency").not_null())
                .col(big("amount_nanos").not_null())
                .col(flag("rollover"))
                .col(json("thresholds").not_null())
                .col(text("enforcement").not_null())
                .col(flag("active"))
                .col(big("revision").not_null())
                .foreign_key(&mut cascade("budget", "organisation_id", "organisation"))
                .to_owned(),
            table("quota")
                .col(uuid("organisation_id").not_null())
                .col(text("name").not_null())
                .col(text("owner_type").not_null())
                .col(uuid("owner_id").not_null())
                .col(text("metric").not_null())
                .col(big("limit_value").not_null())
                .col(text("period").not_null())
                .col(big("starts_at"))
                .col(big("ends_at"))
                .col(text("timezone").not_null())
                .col(flag("rollover"))
                .col(json("thresholds").not_null())
                .col(flag("active"))
                .col(big("revision").not_null())
                .foreign_key(&mut cascade("quota", "organisation_id", "organisation"))
                .to_owned(),
            table("policy_overlay")
                .col(uuid("organisation_id").not_null())
                .col(text("name").not_null())
                .col(text("scope_type").not_null())
                .col(uuid("scope_id").not_null())
                .col(int("factor_thousandths").not_null())
                .col(text("reason"))
                .col(big("starts_at"))
                .col(big("ends_at").not_null())
                .col(big("revision").not_null())
                .foreign_key(&mut cascade("policy_overlay", "organisation_id", "organisation"))
                .to_owned(),
        ];
        let indexes = [
            unique("budget", &["organisation_id", "name"]),
            index("budget", &["owner_id"]),
            unique("quota", &["organisation_id", "name"]),
            index("quota", &["owner_id"]),
            unique("policy_overlay", &["organisation_id", "name"]),
            index("policy_overlay", &["scope_id"]),
        ];
        create(manager, tables, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["policy_overlay", "quota", "budget"]).await
    }
}
