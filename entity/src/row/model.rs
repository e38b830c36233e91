//! A model that callers may ask for.

use sea_orm::entity::prelude::*;

use super::PriceChanges;
use crate::policy::Policies;
use crate::pricing::Pricing;
use crate::resource::ModelConfig;
use crate::vocab::{Capability, ModelType};
use crate::{ModelId, OrganisationId, ProviderId, ProviderKeyId, Timestamp};

/// What a model can do beyond text.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, sea_orm::FromJsonQueryResult)]
#[serde(transparent)]
pub struct Capabilities(pub std::collections::BTreeSet<Capability>);

/// A row of `model`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "model")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ModelId,
    pub organisation_id: OrganisationId,
    pub name: String,
    pub slug: Option<String>,
    pub kind: ModelType,
    #[sea_orm(column_type = "JsonBinary")]
    pub capabilities: Capabilities,
    pub provider_id: ProviderId,
    pub provider_key_id: Option<ProviderKeyId>,
    #[sea_orm(column_type = "JsonBinary")]
    pub config: ModelConfig,
    #[sea_orm(column_type = "JsonBinary")]
    pub pricing: Option<Pricing>,
    #[sea_orm(column_type = "JsonBinary")]
    pub price_changes: Option<PriceChanges>,
    #[sea_orm(column_type = "JsonBinary")]
    pub policies: Option<Policies>,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
