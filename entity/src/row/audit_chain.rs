//! The head of a chain of audit events.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::Timestamp;

/// A row of `audit_chain`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_chain")]
pub struct Model {
    /// The organisation's id, or nil for what is in none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The number of the last event.
    pub seq: i64,
    /// The hash of the last event.
    pub hash: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
