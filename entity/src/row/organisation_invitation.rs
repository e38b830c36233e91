//! An invitation into an organisation, or to draft a new one.

use sea_orm::entity::prelude::*;

use crate::row::SecretHash;
use crate::vocab::{InvitationStatus, Role};
use crate::{InvitationId, OrganisationId, Timestamp, UserId};

/// A row of `organisation_invitation`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organisation_invitation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InvitationId,
    pub organisation_id: Option<OrganisationId>,
    pub drafts: Option<String>,
    pub email: String,
    pub role: Role,
    #[sea_orm(unique)]
    pub token_hash: SecretHash,
    pub preview: String,
    pub status: InvitationStatus,
    pub invited_by: String,
    pub accepted_by: Option<UserId>,
    pub accepted_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
