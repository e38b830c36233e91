//! A temporary scaling of a scope's limits.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::vocab::ScopeType;
use crate::{OrganisationId, OverlayId, Timestamp};

/// A row of `policy_overlay`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_overlay")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OverlayId,
    pub organisation_id: OrganisationId,
    pub name: String,
    pub scope_type: ScopeType,
    pub scope_id: Uuid,
    pub factor_thousandths: i32,
    pub reason: Option<String>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Timestamp,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
