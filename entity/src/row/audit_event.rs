//! Something that somebody did, or was refused.

use sea_orm::entity::prelude::*;

use crate::{AccessTokenId, AuditEventId, OrganisationId, Timestamp, UserId};
use uuid::Uuid;

/// A row of `audit_event`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEventId,
    pub at: Timestamp,
    pub organisation_id: Option<OrganisationId>,
    pub actor_user_id: Option<UserId>,
    pub actor: String,
    pub token_id: Option<AccessTokenId>,
    pub token: Option<String>,
    pub address: Option<String>,
    pub verb: String,
    pub resource: String,
    pub resource_id: Option<Uuid>,
    pub name: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub before: Option<Json>,
    #[sea_orm(column_type = "JsonBinary")]
    pub after: Option<Json>,
    pub request_id: String,
    pub outcome: String,
    /// The chain that it is in; absent from before there were any.
    pub chain: Option<Uuid>,
    /// Its number in the chain, from 1 without a gap.
    pub seq: Option<i64>,
    /// SHA-256 over itself and the hash before, in lower-case hex.
    pub hash: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
