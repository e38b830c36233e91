//! A tenant.

use sea_orm::entity::prelude::*;

use crate::policy::Policies;
use crate::routing::RoutingSwitch;
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
    #[sea_orm(column_type = "JsonBinary")]
    pub policies: Option<Policies>,
    #[sea_orm(column_type = "JsonBinary")]
    pub routing: Option<RoutingSwitch>,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
