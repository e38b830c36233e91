//! From a model to everything that calling it takes.

use entity::envelope::Envelope;
use entity::row::{model, provider, provider_api_key};
use entity::vocab::ScopeType;
use entity::{ModelId, OrganisationId, ProviderId, ProviderKeyId, Timestamp};
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
    /// Its name among the provider's.
    pub name: String,
    /// The sealed credential.
    pub sealed: Envelope,
    /// Whether it may no longer be used.
    pub revoked: bool,
}

impl From<provider_api_key::Model> for ProviderKeyRow {
    fn from(row: provider_api_key::Model) -> Self {
        Self { id: row.id, name: row.name, sealed: row.sealed, revoked: row.revoked }
    }
}

/// Reads a provider with one of its credentials: the named one or, if none is named, the one that its models use.
pub async fn by_provider(
    db: &impl ConnectionTrait,
    id: ProviderId,
    key: Option<&str>,
) -> Result<Option<(provider::Model, Option<ProviderKeyRow>)>, DbErr> {
    use provider_api_key::{Column, Entity};
    let Some(provider) = provider::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    let key = match key {
        Some(name) => Entity::find().filter(Column::ProviderId.eq(id)).filter(Column::Name.eq(name)).one(db).await?,
        None => first_key(db, id).await?,
    };
    Ok(Some((provider, key.map(ProviderKeyRow::from))))
}

/// The oldest credential of a provider that was not revoked; the oldest of all if there is none.
async fn first_key(db: &impl ConnectionTrait, provider: ProviderId) -> Result<Option<provider_api_key::Model>, DbErr> {
    use provider_api_key::{Column, Entity};
    let of_provider = Entity::find().filter(Column::ProviderId.eq(provider));
    of_provider.order_by_asc(Column::Revoked).order_by_asc(Column::Id).one(db).await
}

/// Reads a model with its provider and credential; `None` if there is no such model.
pub async fn by_model(db: &impl ConnectionTrait, id: ModelId, now: Timestamp) -> Result<Option<ModelRows>, DbErr> {
    let Some(model) = model::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    let Some(provider) = provider::Entity::find_by_id(model.provider_id).one(db).await? else { return Ok(None) };
    let key = match model.provider_key_id {
        Some(id) => provider_api_key::Entity::find_by_id(id).one(db).await?,
        None => first_key(db, provider.id).await?,
    };
    let key = key.map(ProviderKeyRow::from);
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
