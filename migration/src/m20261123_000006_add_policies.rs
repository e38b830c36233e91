//! Policies at every scope, price lists to come, and which requests were sent to an upstream.

use sea_orm_migration::prelude::*;

use crate::table::{flag, json};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const COLUMNS: [(&str, &str); 5] = [
    ("organisation", "policies"),
    ("team", "policies"),
    ("api_key", "policies"),
    ("model", "policies"),
    ("model", "price_changes"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in COLUMNS {
            let add = Table::alter().table(Alias::new(table)).add_column(json(column)).to_owned();
            manager.alter_table(add).await?;
        }
        let add =
            Table::alter().table(Alias::new("usage_record")).add_column(flag("dispatched").default(false)).to_owned();
        manager.alter_table(add).await?;
        // Of the records so far, those that have a provider and were not refused reached it.
        let known = Query::update()
            .table(Alias::new("usage_record"))
            .value(Alias::new("dispatched"), true)
            .and_where(Expr::col(Alias::new("provider_id")).is_not_null())
            .and_where(Expr::col(Alias::new("outcome")).ne("denied"))
            .to_owned();
        manager.get_connection().execute(&known).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in COLUMNS.into_iter().chain([("usage_record", "dispatched")]) {
            let drop = Table::alter().table(Alias::new(table)).drop_column(Alias::new(column)).to_owned();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}
