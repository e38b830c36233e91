//! A tenant.

use sea_orm::entity::prelude::*;

use crate::vocab::OrganisationStatus;
use crate::{OrganisationId, Timestamp};

/// A row of `organisation`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organisation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrganisationId,
    #[sea_orm(unique)]
    pub slug: String,
    pub display_name: Option<String>,
    pub contact: Option<String>,
    pub status: OrganisationStatus,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
