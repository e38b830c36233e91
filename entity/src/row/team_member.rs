//! A user's membership of a team.

use sea_orm::entity::prelude::*;

use crate::vocab::TeamRole;
use crate::{TeamId, TeamMemberId, Timestamp, UserId};

/// A row of `team_member`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "team_member")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TeamMemberId,
    pub team_id: TeamId,
    pub user_id: UserId,
    pub role: TeamRole,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
