//! A token of another issuer that was exchanged and cannot be again.

use sea_orm::entity::prelude::*;

use crate::row::SecretHash;
use crate::{Timestamp, UsedAssertionId};

/// A row of `used_assertion`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "used_assertion")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UsedAssertionId,
    #[sea_orm(unique)]
    pub digest: SecretHash,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
