//! A program that administers.

use sea_orm::entity::prelude::*;

use crate::row::TrustRules;
use crate::row::access_token::Scopes;
use crate::vocab::Role;
use crate::{OrganisationId, ServiceAccountId, Timestamp};

/// A row of `service_account`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "service_account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ServiceAccountId,
    pub organisation_id: OrganisationId,
    pub name: String,
    pub description: Option<String>,
    pub role: Role,
    #[sea_orm(column_type = "JsonBinary")]
    pub scopes: Scopes,
    #[sea_orm(column_type = "JsonBinary")]
    pub trust: TrustRules,
    pub disabled: bool,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
