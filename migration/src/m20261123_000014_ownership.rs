//! Whose each field of a resource is, and what manifests say about resources beside their specs.

use sea_orm_migration::prelude::*;

use crate::table::{cascade, create, drop, flag, index, json, table, text, unique, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            table("managed_resource")
                .col(uuid("organisation_id"))
                .col(text("kind").not_null())
                .col(uuid("resource_id").not_null())
                .col(text("owner").not_null())
                .col(flag("born"))
                .col(json("fields").not_null())
                .foreign_key(&mut cascade("managed_resource", "organisation_id", "organisation"))
                .to_owned(),
            // The id is the resource's.
            table("resource_metadata")
                .col(uuid("organisation_id"))
                .col(text("kind").not_null())
                .col(flag("protect"))
                .col(json("labels").not_null())
                .foreign_key(&mut cascade("resource_metadata", "organisation_id", "organisation"))
                .to_owned(),
        ];
        let indexes = [
            unique("managed_resource", &["resource_id", "owner"]),
            index("managed_resource", &["organisation_id", "owner"]),
            index("resource_metadata", &["organisation_id"]),
        ];
        create(manager, tables, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["resource_metadata", "managed_resource"]).await
    }
}
