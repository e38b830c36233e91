//! What one owner declared of one resource.

use sea_orm::entity::prelude::*;

use crate::ownership::StoredHolding;
use crate::{ManagedResourceId, OrganisationId, Timestamp};

/// A row of `managed_resource`. The kind is spelled as in manifests.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "managed_resource")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ManagedResourceId,
    pub organisation_id: Option<OrganisationId>,
    pub kind: String,
    pub resource_id: Uuid,
    pub owner: String,
    /// Whether the resource came to be by this owner, or was adopted: only then may its absence delete it.
    pub born: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub fields: StoredHolding,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
