//! The one record of a request. Written once; everything in it is by value.

use sea_orm::entity::prelude::*;

use crate::pricing::Bill;
use crate::usage::{RoutingTrace, TokenUsage, UsageMetadata};
use crate::vocab::{Outcome, UsageSource};
use crate::{ApiKeyId, ModelId, OrganisationId, ProviderId, TeamId, Timestamp, UsageRecordId, UserId};

/// A row of `usage_record`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_record")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UsageRecordId,
    #[sea_orm(unique)]
    pub request_id: String,
    pub trace_id: Option<String>,
    pub at: Timestamp,
    pub organisation_id: OrganisationId,
    pub organisation: String,
    pub team_id: Option<TeamId>,
    pub team: Option<String>,
    pub user_id: Option<UserId>,
    pub user: Option<String>,
    pub api_key_id: ApiKeyId,
    pub api_key: String,
    pub provider_id: Option<ProviderId>,
    pub provider: Option<String>,
    pub model_id: Option<ModelId>,
    pub model: Option<String>,
    pub endpoint: String,
    pub stream: bool,
    pub outcome: Outcome,
    pub dispatched: bool,
    pub status: i32,
    pub error_code: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub tokens: TokenUsage,
    pub tokens_in: i64,
    pub tokens_out: i64,
    pub usage_source: UsageSource,
    #[sea_orm(column_type = "JsonBinary")]
    pub bill: Option<Bill>,
    pub cost_nanos: Option<i64>,
    pub latency_us: i64,
    pub first_byte_us: Option<i64>,
    pub overhead_us: i64,
    pub provider_request_id: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub provider_usage: Option<Json>,
    #[sea_orm(column_type = "JsonBinary")]
    pub routing: RoutingTrace,
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: UsageMetadata,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
