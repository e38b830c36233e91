//! A person who administers or calls.

use sea_orm::entity::prelude::*;

use crate::row::PasswordHash;
use crate::vocab::{Role, UserStatus};
use crate::{OrganisationId, Timestamp, UserId};

/// A row of `user`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    pub organisation_id: Option<OrganisationId>,
    #[sea_orm(unique)]
    pub email: String,
    pub display_name: Option<String>,
    pub role: Role,
    pub status: UserStatus,
    pub last_sign_in_at: Option<Timestamp>,
    pub password_hash: Option<PasswordHash>,
    pub password_set_at: Option<Timestamp>,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
