//! A service account's token, by its hash.

use sea_orm::entity::prelude::*;

use crate::row::SecretHash;
use crate::row::access_token::Scopes;
use crate::vocab::ServiceTokenKind;
use crate::{AccessTokenId, ServiceAccountId, Timestamp};

/// A row of `service_account_token`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "service_account_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccessTokenId,
    pub service_account_id: ServiceAccountId,
    pub kind: ServiceTokenKind,
    pub name: String,
    #[sea_orm(unique)]
    pub token_hash: SecretHash,
    pub preview: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub scopes: Scopes,
    #[sea_orm(column_type = "JsonBinary")]
    pub proof: Option<Json>,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
