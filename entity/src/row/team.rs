//! A group of users.

use sea_orm::entity::prelude::*;

use crate::policy::Policies;
use crate::{OrganisationId, TeamId, Timestamp};

/// A row of `team`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "team")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TeamId,
    pub organisation_id: OrganisationId,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub policies: Option<Policies>,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
