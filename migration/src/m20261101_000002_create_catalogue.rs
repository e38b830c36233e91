//! Providers, their credentials, and the models that they serve.

use sea_orm_migration::prelude::*;

use crate::table::{big, cascade, create, drop, flag, index, json, restrict, table, text, unique, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            table("provider")
                .col(uuid("organisation_id").not_null())
                .col(text("name").not_null())
                .col(text("kind").not_null())
                .col(text("base_url"))
                .col(big("timeout_ms"))
                .col(json("config").not_null())
                .col(flag("enabled"))
                .col(big("revision").not_null())
                .foreign_key(&mut cascade("provider", "organisation_id", "organisation"))
                .to_owned(),
            table("provider_api_key")
                .col(uuid("provider_id").not_null())
                .col(text("name").not_null())
                .col(json("sealed").not_null())
                .col(text("preview").not_null())
                .col(text("fingerprint").not_null())
                .col(flag("revoked"))
                .foreign_key(&mut cascade("provider_api_key", "provider_id", "provider"))
                .to_owned(),
            table("model")
                .col(uuid("organisation_id").not_null())
                .col(text("name").not_null())
                .col(text("slug"))
                .col(text("kind").not_null())
                .col(json("capabilities").not_null())
                .col(uuid("provider_id").not_null())
                .col(uuid("provider_key_id"))
                .col(json("config").not_null())
                .col(json("pricing"))
                .col(big("revision").not_null())
                .foreign_key(&mut cascade("model", "organisation_id", "organisation"))
                .foreign_key(&mut restrict("model", "provider_id", "provider"))
                .foreign_key(&mut restrict("model", "provider_key_id", "provider_api_key"))
                .to_owned(),
        ];
        let indexes = [
            unique("provider", &["organisation_id", "name"]),
            unique("provider_api_key", &["provider_id", "name"]),
            unique("model", &["organisation_id", "name"]),
            index("model", &["provider_id"]),
            index("model", &["provider_key_id"]),
        ];
        create(manager, tables, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["model", "provider_api_key", "provider"]).await
    }
}
