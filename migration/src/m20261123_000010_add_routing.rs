//! Smart routing: the organisation's switch, and what each key wants.

use sea_orm_migration::prelude::*;

use crate::table::json;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 2] = ["organisation", "api_key"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            let add = Table::alter().table(Alias::new(table)).add_column(json("routing")).to_owned();
            manager.alter_table(add).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            let drop = Table::alter().table(Alias::new(table)).drop_column(Alias::new("routing")).to_owned();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}
