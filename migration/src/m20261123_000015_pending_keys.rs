//! Secrets of virtual keys that are not in force yet: they have to reach their place first.

use sea_orm_migration::prelude::*;

use crate::table::{big, int, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            big("pending_until"),
            text("next_hash"),
            text("next_preview"),
            int("next_overlap_seconds"),
            big("next_expiry"),
        ];
        for column in columns {
            let add = Table::alter().table(Alias::new("api_key")).add_column(column).to_owned();
            manager.alter_table(add).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["next_expiry", "next_overlap_seconds", "next_preview", "next_hash", "pending_until"] {
            let drop = Table::alter().table(Alias::new("api_key")).drop_column(Alias::new(column)).to_owned();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}
