//! A threshold that a window has reached: once a window and threshold.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::{OrganisationId, Timestamp, WindowId};

/// A row of `ledger_event`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organisation_id: OrganisationId,
    pub window_id: WindowId,
    /// Percent of the limit.
    pub threshold: i32,
    pub used: i64,
    pub limit_value: i64,
    /// When the webhook took it; never, while there is none.
    pub delivered_at: Option<Timestamp>,
    pub attempts: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
