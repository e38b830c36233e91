//! An upstream of an organisation.

use sea_orm::entity::prelude::*;

use crate::resource::ProviderConfig;
use crate::vocab::ProviderType;
use crate::{OrganisationId, ProviderId, Timestamp};

/// A row of `provider`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "provider")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProviderId,
    pub organisation_id: OrganisationId,
    pub name: String,
    pub kind: ProviderType,
    pub base_url: Option<String>,
    pub timeout_ms: Option<i64>,
    #[sea_orm(column_type = "JsonBinary")]
    pub config: ProviderConfig,
    pub enabled: bool,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
