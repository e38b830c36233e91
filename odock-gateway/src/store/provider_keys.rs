//! Credentials of providers, and which models use them.

use std::collections::{BTreeMap, HashMap};

use entity::ProviderKeyId;
use entity::row::{model, provider_api_key};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

/// Values in one `IN (…)`.
const IN_LIST: usize = 5_000;

/// The credentials of providers: for each provider, name and id.
pub async fn of(
    db: &impl ConnectionTrait,
    providers: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, BTreeMap<String, Uuid>>, DbErr> {
    use provider_api_key::{Column, Entity};
    let providers: Vec<Uuid> = providers.collect();
    let mut keys: HashMap<Uuid, BTreeMap<String, Uuid>> = HashMap::new();
    for providers in providers.chunks(IN_LIST) {
        let rows: Vec<(Uuid, String, Uuid)> = Entity::find()
            .select_only()
            .columns([Column::ProviderId, Column::Name, Column::Id])
            .filter(Column::ProviderId.is_in(providers.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        for (provider, name, id) in rows {
            keys.entry(provider).or_default().insert(name, id);
        }
    }
    Ok(keys)
}

/// The models that name one of these credentials: the credential, and the model's name.
pub async fn used_by(
    db: &impl ConnectionTrait,
    keys: impl Iterator<Item = Uuid>,
) -> Result<Vec<(Uuid, String)>, DbErr> {
    use model::{Column, Entity};
    let keys: Vec<Uuid> = keys.collect();
    let mut users = Vec::new();
    for keys in keys.chunks(IN_LIST) {
        let rows: Vec<(Uuid, String)> = Entity::find()
            .select_only()
            .columns([Column::ProviderKeyId, Column::Name])
            .filter(Column::ProviderKeyId.is_in(keys.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        users.extend(rows);
    }
    Ok(users)
}

/// Whether a credential may be used: it is there, and was not revoked.
pub async fn is_usable(db: &impl ConnectionTrait, key: ProviderKeyId) -> Result<bool, DbErr> {
    let revoked: Option<bool> = provider_api_key::Entity::find_by_id(key)
        .select_only()
        .column(provider_api_key::Column::Revoked)
        .into_tuple()
        .one(db)
        .await?;
    Ok(revoked == Some(false))
}
