//! A virtual key, by its hash.

use sea_orm::entity::prelude::*;

use crate::envelope::Envelope;
use crate::policy::Policies;
use crate::routing::Routing;
use crate::row::SecretHash;
use crate::vocab::ApiKeyType;
use crate::{ApiKeyId, OrganisationId, TeamId, Timestamp, UserId};

/// A row of `api_key`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiKeyId,
    pub organisation_id: OrganisationId,
    pub team_id: Option<TeamId>,
    pub user_id: Option<UserId>,
    pub name: String,
    pub kind: ApiKeyType,
    #[sea_orm(unique)]
    pub secret_hash: SecretHash,
    #[sea_orm(column_type = "JsonBinary")]
    pub sealed_secret: Option<Envelope>,
    pub preview: String,
    pub expires_at: Option<Timestamp>,
    pub revealed: bool,
    pub revoked_at: Option<Timestamp>,
    pub rotations: i32,
    #[sea_orm(unique)]
    pub previous_hash: Option<SecretHash>,
    pub previous_valid_until: Option<Timestamp>,
    /// Until when the delivery of the secret can be acknowledged; nothing once it was. Until then nobody can call with it.
    pub pending_until: Option<Timestamp>,
    /// The secret of a rotation that waits to be acknowledged; `pending_until` says how long.
    #[sea_orm(unique)]
    pub next_hash: Option<SecretHash>,
    pub next_preview: Option<String>,
    pub next_overlap_seconds: Option<i32>,
    pub next_expiry: Option<Timestamp>,
    #[sea_orm(column_type = "JsonBinary")]
    pub policies: Option<Policies>,
    #[sea_orm(column_type = "JsonBinary")]
    pub routing: Option<Routing>,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
