//! One rotation of a virtual key.

use sea_orm::entity::prelude::*;

use crate::{ApiKeyId, RotationId, Timestamp};

/// A row of `api_key_rotation`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key_rotation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RotationId,
    pub api_key_id: ApiKeyId,
    pub rotated_by: String,
    pub previous_preview: String,
    pub previous_valid_until: Timestamp,
    pub previous_expiry: Option<Timestamp>,
    pub new_expiry: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
