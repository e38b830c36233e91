//! A token of the management API, by its hash.

use sea_orm::entity::prelude::*;

use crate::row::SecretHash;
use crate::vocab::{Scope, TokenKind};
use crate::{AccessTokenId, Timestamp, UserId};

/// What a token may be used for.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, sea_orm::FromJsonQueryResult)]
#[serde(transparent)]
pub struct Scopes(pub Vec<Scope>);

/// A row of `access_token`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "access_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccessTokenId,
    pub user_id: UserId,
    pub kind: TokenKind,
    pub name: String,
    #[sea_orm(unique)]
    pub token_hash: SecretHash,
    pub preview: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub scopes: Scopes,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
