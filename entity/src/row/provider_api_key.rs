//! A provider's credential, sealed.

use sea_orm::entity::prelude::*;

use crate::envelope::Envelope;
use crate::{ProviderId, ProviderKeyId, Timestamp};

/// A row of `provider_api_key`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_api_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProviderKeyId,
    pub provider_id: ProviderId,
    pub name: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub sealed: Envelope,
    pub preview: String,
    pub fingerprint: String,
    pub revoked: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
