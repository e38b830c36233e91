//! Somebody who is signed in: a short access token, and a refresh token that rotates.

use sea_orm::entity::prelude::*;

use crate::row::SecretHash;
use crate::vocab::SignInMethod;
use crate::{SessionId, Timestamp, UserId};

/// A row of `session`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub user_id: UserId,
    pub name: String,
    pub method: SignInMethod,
    pub address: String,
    #[sea_orm(unique)]
    pub family_hash: SecretHash,
    pub refresh_hash: SecretHash,
    #[sea_orm(unique)]
    pub access_hash: SecretHash,
    pub access_preview: String,
    pub access_expires_at: Timestamp,
    pub former_access_hash: Option<SecretHash>,
    pub former_access_expires_at: Option<Timestamp>,
    pub authenticated_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
