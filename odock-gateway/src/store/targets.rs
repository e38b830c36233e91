//! From a model to everything that calling it takes.

use entity::envelope::Envelope;
use entity::row::{model, provider, provider_api_key};
use entity::vocab::ScopeType;
use entity::{ModelId, OrganisationId, ProviderKeyId, Timestamp};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::limits;
use crate::limits::Scope;

/// A model, its provider and the credential to use.
pub struct ModelRows {
    /// The model.
    pub model: model::Model,
    /// Its provider.
    pub provider: provider::Model,
    /// The credential that the model names or, if it names none, the provider's oldest usable one.
    pub key: Option<ProviderKeyRow>,
    /// What the model's own policies allow, if they limit anything.
    pub scope: Option<Scope>,
}

/// A provider's credential.
pub struct ProviderKeyRow {
    /// Its id.
    pub id: ProviderKeyId,
    /// The sealed credential.
    pub sealed: Envelope,
    /// Whether it may no longer be used.
    pub revoked: bool,
}

/// Reads a model with its provider and credential; `None` if there is no such model.
pub async fn by_model(db: &impl ConnectionTrait, id: ModelId, now: Timestamp) -> Result<Option<ModelRows>, DbErr> {
    let Some(model) = model::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    let Some(provider) = provider::Entity::find_by_id(model.provider_id).one(db).await? else { return Ok(None) };
    let key = match model.provider_key_id {
        Some(id) => provider_api_key::Entity::find_by_id(id).one(db).await?,
        None => {
            provider_api_key::Entity::find()
                .filter(provider_api_key::Column::ProviderId.eq(provider.id))
                .order_by_asc(provider_api_key::Column::Revoked)
                .order_by_asc(provider_api_key::Column::Id)
                .one(db)
                .await?
        }
    };
    let key = key.map(|key| ProviderKeyRow { id: key.id, sealed: key.sealed, revoked: key.revoked });
    let policies = model.policies.clone();
    let scope = limits::scopes(db, [(ScopeType::Model, model.id.0, policies)], now).await?.pop();
    Ok(Some(ModelRows { model, provider, key, scope }))
}

/// Whether an organisation has a model of that name.
pub async fn exists(db: &impl ConnectionTrait, organisation: OrganisationId, name: &str) -> Result<bool, DbErr> {
    let found: Option<ModelId> = model::Entity::find()
        .select_only()
        .column(model::Column::Id)
        .filter(model::Column::OrganisationId.eq(organisation))
        .filter(model::Column::Name.eq(name))
        .into_tuple()
        .one(db)
        .await?;
    Ok(found.is_some())
}
