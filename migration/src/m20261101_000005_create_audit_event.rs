//! Who did what. No foreign keys: what happened stays, whatever is deleted.

use sea_orm_migration::prelude::*;

use crate::table::{big, create, drop, index, json, table, text, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [table("audit_event")
            .col(big("at").not_null())
            .col(uuid("organisation_id"))
            .col(uuid("actor_user_id"))
            .col(text("actor").not_null())
            .col(uuid("token_id"))
            .col(text("token"))
            .col(text("address"))
            .col(text("verb").not_null())
            .col(text("resource").not_null())
            .col(uuid("resource_id"))
            .col(text("name"))
            .col(json("before"))
            .col(json("after"))
            .col(text("request_id").not_null())
            .col(text("outcome").not_null())
            .to_owned()];
        let indexes = [index("audit_event", &["organisation_id", "at"]), index("audit_event", &["at"])];
        create(manager, tables, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["audit_event"]).await
    }
}
