//! A team that a service account belongs to.

use sea_orm::entity::prelude::*;

use crate::{ServiceAccountId, ServiceAccountTeamId, TeamId, Timestamp};

/// A row of `service_account_team`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "service_account_team")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ServiceAccountTeamId,
    pub service_account_id: ServiceAccountId,
    pub team_id: TeamId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
