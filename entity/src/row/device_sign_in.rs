//! A sign-in by a code that somebody types in a browser elsewhere, while it is under way.

use sea_orm::entity::prelude::*;

use crate::envelope::Envelope;
use crate::row::SecretHash;
use crate::{DeviceSignInId, InvitationId, Timestamp};

/// A row of `device_sign_in`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "device_sign_in")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeviceSignInId,
    pub provider: String,
    #[sea_orm(unique)]
    pub handle_hash: SecretHash,
    #[sea_orm(column_type = "JsonBinary")]
    pub device_code: Envelope,
    pub name: String,
    pub invitation_id: Option<InvitationId>,
    pub interval_ms: i64,
    pub next_poll_at: Timestamp,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
