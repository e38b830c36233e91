//! What came of a job.

use sea_orm::entity::prelude::*;

use crate::{JobId, Timestamp};

/// A row of `job_result`. Its id is the job's.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job_result")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    /// The answer's body, encrypted under a key that follows from the sealing key.
    pub body: Vec<u8>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
