//! A cap on a metric.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use super::Thresholds;
use crate::vocab::{Metric, OwnerType, Period};
use crate::{OrganisationId, QuotaId, Timestamp};

/// A row of `quota`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "quota")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: QuotaId,
    pub organisation_id: OrganisationId,
    pub name: String,
    pub owner_type: OwnerType,
    pub owner_id: Uuid,
    pub metric: Metric,
    pub limit_value: i64,
    pub period: Period,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub timezone: String,
    pub rollover: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub thresholds: Thresholds,
    pub active: bool,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
