//! Capacity of a window that a node may admit requests against from memory.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::{NodeId, Timestamp, WindowId};

/// A row of `ledger_lease`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_lease")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub window_id: WindowId,
    pub node_id: NodeId,
    /// What the node may still spend, requests under way included.
    pub amount: i64,
    /// What of it requests under way had set aside when the node last said so.
    pub held: i64,
    /// The last of the window's asks that the node has answered.
    pub answered: i64,
    pub ends_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
