//! A cap on spend.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use super::Thresholds;
use crate::vocab::{Enforcement, OwnerType, Period};
use crate::{BudgetId, OrganisationId, Timestamp};

/// A row of `budget`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "budget")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BudgetId,
    pub organisation_id: OrganisationId,
    pub name: String,
    pub owner_type: OwnerType,
    pub owner_id: Uuid,
    pub period: Period,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub timezone: String,
    pub currency: String,
    pub amount_nanos: i64,
    pub rollover: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub thresholds: Thresholds,
    pub enforcement: Enforcement,
    pub active: bool,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
