//! A request under way that has set capacity aside for longer than a moment, so that it is known even if its node is lost.

use sea_orm::entity::prelude::*;

use crate::{NodeId, Timestamp, UsageRecordId};

/// A row of `ledger_request`. Its id is that of the usage record that the request leaves.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_request")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UsageRecordId,
    pub node_id: NodeId,
    pub request_id: String,
    /// The usage record that it leaves if nothing more is heard of it.
    #[sea_orm(column_type = "JsonBinary")]
    pub record: Json,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
