//! A grant of a model to a virtual key.

use sea_orm::entity::prelude::*;

use crate::{ApiKeyId, GrantId, ModelId, Timestamp};

/// A row of `api_key_model_access`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key_model_access")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: GrantId,
    pub api_key_id: ApiKeyId,
    pub model_id: ModelId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
