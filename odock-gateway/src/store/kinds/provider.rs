use std::collections::{BTreeMap, HashMap};

use entity::ProviderId;
use entity::envelope::Secret;
use entity::health::BreakerStatus;
use entity::resource::{Kind, ProviderKeySpec, ProviderSpec, ProviderState, Resource};
use entity::row::provider::{Column, Entity};
use entity::row::{model, provider_api_key};
use entity::vocab::ProviderType;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Found, IN_LIST, Row, Stored, counts, filters, slugs};

impl Stored for ProviderSpec {
    const KIND: Kind = Kind::Provider;
    type State = ProviderState;
    type Entity = Entity;
    const ID: Column = Column::Id;
    const NAME: Column = Column::Name;
    const CREATED: Column = Column::CreatedAt;
    const ORGANISATION: Option<Column> = Some(Column::OrganisationId);

    filters! {
        "type", "Only providers of this family.", Words(ProviderType), word::<ProviderType>(Column::Kind);
        "enabled", "Only providers that are enabled, or are not.", Flag, flag(Column::Enabled);
    }

    async fn hydrate(db: &impl ConnectionTrait, rows: Vec<Row<Self>>) -> Result<Vec<Found<Self>>, DbErr> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
        let slugs = slugs(db, rows.iter().map(|row| row.organisation_id)).await?;
        let models = counts::<model::Entity>(db, model::Column::ProviderId, &ids).await?;
        let mut keys = keys(db, &ids).await?;
        let found = |row: Row<Self>| {
            let keys = keys.remove(&row.id.0).unwrap_or_default();
            let children = keys.iter().map(|(id, key)| (key.name.clone(), *id)).collect::<BTreeMap<_, _>>();
            Found {
                organisation_id: Some(row.organisation_id),
                resource: Resource {
                    id: row.id.0,
                    name: row.name,
                    organisation: slugs.get(&row.organisation_id).cloned(),
                    revision: row.revision,
                    labels: Default::default(),
                    protect: false,
                    created_at: row.created_at,
                    updated_at: row.updated_at,
                    spec: Self {
                        r#type: row.kind,
                        base_url: row.base_url,
                        timeout_ms: row.timeout_ms.and_then(|ms| u32::try_from(ms).ok()),
                        config: row.config,
                        enabled: row.enabled,
                        keys: keys.into_iter().map(|(_, key)| key).collect(),
                    },
                    status: ProviderState { models: models.get(&row.id.0).copied().unwrap_or(0), breakers: Vec::new() },
                },
                children,
                holder: None,
            }
        };
        Ok(rows.into_iter().map(found).collect())
    }

    fn with_health(found: &mut [Found<Self>], of: impl Fn(ProviderId) -> Vec<BreakerStatus>) {
        for Found { resource, .. } in found {
            resource.status.breakers = of(ProviderId(resource.id));
        }
    }
}

/// The credentials of providers, oldest first. What is sealed stays where it is.
async fn keys(
    db: &impl ConnectionTrait,
    providers: &[Uuid],
) -> Result<HashMap<Uuid, Vec<(Uuid, ProviderKeySpec)>>, DbErr> {
    use provider_api_key::Column;
    let mut keys: HashMap<Uuid, Vec<(Uuid, ProviderKeySpec)>> = HashMap::new();
    for providers in providers.chunks(IN_LIST) {
        let rows: Vec<(Uuid, Uuid, String, String, String, bool)> = provider_api_key::Entity::find()
            .select_only()
            .columns([
                Column::ProviderId,
                Column::Id,
                Column::Name,
                Column::Preview,
                Column::Fingerprint,
                Column::Revoked,
            ])
            .filter(Column::ProviderId.is_in(providers.iter().copied()))
            .order_by_asc(Column::Id)
            .into_tuple()
            .all(db)
            .await?;
        for (provider, id, name, preview, fingerprint, revoked) in rows {
            let secret = Some(Secret { preview, fingerprint, sealed: None });
            keys.entry(provider).or_default().push((id, ProviderKeySpec { name, secret, revoked }));
        }
    }
    Ok(keys)
}
