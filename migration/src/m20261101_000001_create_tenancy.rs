//! Organisations, the people in them and what they sign in with.

use sea_orm_migration::prelude::*;

use crate::table::{big, cascade, create, drop, index, json, table, text, unique, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            table("organisation")
                .col(text("slug").not_null())
                .col(text("display_name"))
                .col(text("contact"))
                .col(text("status").not_null())
                .col(big("revision").not_null())
                .to_owned(),
            table("user")
                .col(uuid("organisation_id"))
                .col(text("email").not_null())
                .col(text("display_name"))
                .col(text("role").not_null())
                .col(text("status").not_null())
                .col(big("last_sign_in_at"))
                .col(big("revision").not_null())
                .foreign_key(&mut cascade("user", "organisation_id", "organisation"))
                .to_owned(),
            table("access_token")
                .col(uuid("user_id").not_null())
                .col(text("kind").not_null())
                .col(text("name").not_null())
                .col(text("token_hash").not_null())
                .col(text("preview").not_null())
                .col(json("scopes").not_null())
                .col(big("expires_at").not_null())
                .col(big("last_used_at"))
                .col(big("revoked_at"))
                .foreign_key(&mut cascade("access_token", "user_id", "user"))
                .to_owned(),
            table("team")
                .col(uuid("organisation_id").not_null())
                .col(text("name").not_null())
                .col(text("slug").not_null())
                .col(text("description"))
                .col(big("revision").not_null())
                .foreign_key(&mut cascade("team", "organisation_id", "organisation"))
                .to_owned(),
            table("team_member")
                .col(uuid("team_id").not_null())
                .col(uuid("user_id").not_null())
                .col(text("role").not_null())
                .foreign_key(&mut cascade("team_member", "team_id", "team"))
                .foreign_key(&mut cascade("team_member", "user_id", "user"))
                .to_owned(),
        ];
        let indexes = [
            unique("organisation", &["slug"]),
            unique("user", &["email"]),
            index("user", &["organisation_id"]),
            unique("access_token", &["token_hash"]),
            index("access_token", &["user_id"]),
            unique("team", &["organisation_id", "name"]),
            unique("team", &["organisation_id", "slug"]),
            unique("team_member", &["team_id", "user_id"]),
            index("team_member", &["user_id"]),
        ];
        create(manager, tables, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["team_member", "team", "access_token", "user", "organisation"]).await
    }
}
