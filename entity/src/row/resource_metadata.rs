//! What manifests say about a resource beside its spec.

use std::collections::BTreeMap;

use sea_orm::entity::prelude::*;

use crate::{OrganisationId, Timestamp};

/// Labels by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, sea_orm::FromJsonQueryResult)]
#[serde(transparent)]
pub struct Labels(pub BTreeMap<String, String>);

/// A row of `resource_metadata`. The id is the resource's; the kind is spelled as in manifests.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "resource_metadata")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organisation_id: Option<OrganisationId>,
    pub kind: String,
    pub protect: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub labels: Labels,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
