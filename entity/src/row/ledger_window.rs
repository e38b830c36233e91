//! A window of a budget or quota. `used` is always the sum of the usage records that fall into it.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::vocab::{LimitKind, Metric, OwnerType};
use crate::{OrganisationId, Timestamp, WindowId};

/// A row of `ledger_window`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_window")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WindowId,
    pub organisation_id: OrganisationId,
    pub kind: LimitKind,
    pub limit_id: Uuid,
    pub owner_type: OwnerType,
    pub owner_id: Uuid,
    pub metric: Metric,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub limit_value: i64,
    pub used: i64,
    /// Counts requests of nodes for capacity that others hold.
    pub asks: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
