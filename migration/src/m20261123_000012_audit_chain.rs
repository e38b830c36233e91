//! The audit log as chains, one an organisation and one for what is in none: each event carries its number and a hash over
//! itself and the event before. Events from before this migration stay as they are, outside any chain.

use sea_orm_migration::prelude::*;

use crate::table::{big, create, drop, index, table, text, unique, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const EVENTS: &str = "audit_event";
const COLUMNS: [&str; 3] = ["chain", "seq", "hash"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Its id is the organisation's, or nil. `seq` and `hash` are those of the last event.
        let heads = [table("audit_chain").col(big("seq").not_null()).col(text("hash").not_null()).to_owned()];
        create(manager, heads, []).await?;
        for column in [uuid("chain"), big("seq"), text("hash")] {
            manager.alter_table(Table::alter().table(Alias::new(EVENTS)).add_column(column).to_owned()).await?;
        }
        manager.create_index(unique(EVENTS, &["chain", "seq"])).await?;
        // One resource's history, for those who ask who changed it.
        manager.create_index(index(EVENTS, &["resource_id", "at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["ix_audit_event_chain_seq", "ix_audit_event_resource_id_at"] {
            manager.drop_index(Index::drop().name(name).table(Alias::new(EVENTS)).to_owned()).await?;
        }
        for column in COLUMNS {
            let drop = Table::alter().table(Alias::new(EVENTS)).drop_column(Alias::new(column)).to_owned();
            manager.alter_table(drop).await?;
        }
        drop(manager, &["audit_chain"]).await
    }
}
