//! A task that is done while its caller does something else.

use sea_orm::entity::prelude::*;

use crate::vocab::JobStatus;
use crate::{ApiKeyId, JobId, NodeId, OrganisationId, Timestamp};

/// A row of `job`. What was asked is not in it: a job that is lost is not done again.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    pub organisation_id: OrganisationId,
    /// Whose it is: nobody else sees it.
    pub api_key_id: ApiKeyId,
    /// The process that does it.
    pub node_id: NodeId,
    /// The request that asked for it, whose usage record is the job's.
    pub request_id: String,
    pub task: String,
    pub model: String,
    pub status: JobStatus,
    /// Whether its caller no longer wants it.
    pub cancel_asked: bool,
    /// Until when its node is believed to live, by the database's clock.
    pub lease_ends_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    pub http_status: Option<i32>,
    pub content_type: Option<String>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
