//! Virtual keys, their rotations, and the models that they may call.

use sea_orm_migration::prelude::*;

use crate::table::{big, cascade, create, drop, flag, index, int, json, restrict, table, text, unique, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            table("api_key")
                .col(uuid("organisation_id").not_null())
                .col(uuid("team_id"))
                .col(uuid("user_id"))
                .col(text("name").not_null())
                .col(text("kind").not_null())
                .col(text("secret_hash").not_null())
                .col(json("sealed_secret"))
                .col(text("preview").not_null())
                .col(big("expires_at"))
                .col(flag("revealed"))
                .col(big("revoked_at"))
                .col(int("rotations").not_null())
                .col(text("previous_hash"))
                .col(big("previous_valid_until"))
                .col(big("revision").not_null())
                .foreign_key(&mut cascade("api_key", "organisation_id", "organisation"))
                .foreign_key(&mut restrict("api_key", "team_id", "team"))
                .foreign_key(&mut restrict("api_key", "user_id", "user"))
                .to_owned(),
            table("api_key_rotation")
                .col(uuid("api_key_id").not_null())
                .col(text("rotated_by").not_null())
                .col(text("previous_preview").not_null())
                .col(big("previous_valid_until").not_null())
                .col(big("previous_expiry"))
                .col(big("new_expiry"))
                .foreign_key(&mut cascade("api_key_rotation", "api_key_id", "api_key"))
                .to_owned(),
            table("api_key_model_access")
                .col(uuid("api_key_id").not_null())
                .col(uuid("model_id").not_null())
                .foreign_key(&mut cascade("api_key_model_access", "api_key_id", "api_key"))
                .foreign_key(&mut cascade("api_key_model_access", "model_id", "model"))
                .to_owned(),
        ];
        let indexes = [
            unique("api_key", &["organisation_id", "name"]),
            unique("api_key", &["secret_hash"]),
            unique("api_key", &["previous_hash"]),
            index("api_key", &["team_id"]),
            index("api_key", &["user_id"]),
            index("api_key_rotation", &["api_key_id"]),
            unique("api_key_model_access", &["api_key_id", "model_id"]),
            index("api_key_model_access", &["model_id"]),
        ];
        create(manager, tables, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["api_key_model_access", "api_key_rotation", "api_key"]).await
    }
}
