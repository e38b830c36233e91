//! Passwords, sessions, identities of other issuers, service accounts and their tokens, invitations.

use sea_orm_migration::prelude::*;

use crate::table::{big, cascade, create, drop, flag, index, json, table, text, unique, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Columns that users get.
const OF_USER: [&str; 2] = ["password_hash", "password_set_at"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [text("password_hash"), big("password_set_at")] {
            manager.alter_table(Table::alter().table(Alias::new("user")).add_column(column).to_owned()).await?;
        }
        let tables = [
            table("session")
                .col(uuid("user_id").not_null())
                .col(text("name").not_null())
                .col(text("method").not_null())
                .col(text("address").not_null())
                .col(text("family_hash").not_null())
                .col(text("refresh_hash").not_null())
                .col(text("access_hash").not_null())
                .col(text("access_preview").not_null())
                .col(big("access_expires_at").not_null())
                .col(text("former_access_hash"))
                .col(big("former_access_expires_at"))
                .col(big("authenticated_at").not_null())
                .col(big("expires_at").not_null())
                .col(big("last_used_at"))
                .col(big("revoked_at"))
                .foreign_key(&mut cascade("session", "user_id", "user"))
                .to_owned(),
            table("external_identity")
                .col(uuid("user_id").not_null())
                .col(text("issuer").not_null())
                .col(text("subject").not_null())
                .col(text("email"))
                .col(big("last_sign_in_at"))
                .foreign_key(&mut cascade("external_identity", "user_id", "user"))
                .to_owned(),
            table("device_sign_in")
                .col(text("provider").not_null())
                .col(text("handle_hash").not_null())
                .col(json("device_code").not_null())
                .col(text("name").not_null())
                .col(uuid("invitation_id"))
                .col(big("interval_ms").not_null())
                .col(big("next_poll_at").not_null())
                .col(big("expires_at").not_null())
                .to_owned(),
            table("service_account")
                .col(uuid("organisation_id").not_null())
                .col(text("name").not_null())
                .col(text("description"))
                .col(text("role").not_null())
                .col(json("scopes").not_null())
                .col(json("trust").not_null())
                .col(flag("disabled"))
                .col(big("revision").not_null())
                .foreign_key(&mut cascade("service_account", "organisation_id", "organisation"))
                .to_owned(),
            table("service_account_team")
                .col(uuid("service_account_id").not_null())
                .col(uuid("team_id").not_null())
                .foreign_key(&mut cascade("service_account_team", "service_account_id", "service_account"))
                .foreign_key(&mut cascade("service_account_team", "team_id", "team"))
                .to_owned(),
            table("service_account_token")
                .col(uuid("service_account_id").not_null())
                .col(text("kind").not_null())
                .col(text("name").not_null())
                .col(text("token_hash").not_null())
                .col(text("preview").not_null())
                .col(json("scopes").not_null())
                .col(json("proof"))
                .col(big("expires_at").not_null())
                .col(big("last_used_at"))
                .col(big("revoked_at"))
                .foreign_key(&mut cascade("service_account_token", "service_account_id", "service_account"))
                .to_owned(),
            table("used_assertion").col(text("digest").not_null()).col(big("expires_at").not_null()).to_owned(),
            table("organisation_invitation")
                .col(uuid("organisation_id"))
                .col(text("drafts"))
                .col(text("email").not_null())
                .col(text("role").not_null())
                .col(text("token_hash").not_null())
                .col(text("preview").not_null())
                .col(text("status").not_null())
                .col(text("invited_by").not_null())
                .col(uuid("accepted_by"))
                .col(big("accepted_at"))
                .col(big("expires_at").not_null())
                .foreign_key(&mut cascade("organisation_invitation", "organisation_id", "organisation"))
                .to_owned(),
        ];
        let indexes = [
            index("session", &["user_id"]),
            unique("session", &["family_hash"]),
            unique("session", &["access_hash"]),
            index("session", &["former_access_hash"]),
            index("session", &["expires_at"]),
            unique("external_identity", &["issuer", "subject"]),
            index("external_identity", &["user_id"]),
            unique("device_sign_in", &["handle_hash"]),
            index("device_sign_in", &["expires_at"]),
            unique("service_account", &["organisation_id", "name"]),
            unique("service_account_team", &["service_account_id", "team_id"]),
            index("service_account_team", &["team_id"]),
            unique("service_account_token", &["token_hash"]),
            index("service_account_token", &["service_account_id"]),
            unique("used_assertion", &["digest"]),
            index("used_assertion", &["expires_at"]),
            unique("organisation_invitation", &["token_hash"]),
            index("organisation_invitation", &["organisation_id"]),
        ];
        // Boxed: so many tables make a large future.
        Box::pin(create(manager, tables, indexes)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            "organisation_invitation",
            "used_assertion",
            "service_account_token",
            "service_account_team",
            "service_account",
            "device_sign_in",
            "external_identity",
            "session",
        ];
        drop(manager, &tables).await?;
        for column in OF_USER {
            let gone = Table::alter().table(Alias::new("user")).drop_column(Alias::new(column)).to_owned();
            manager.alter_table(gone).await?;
        }
        Ok(())
    }
}
