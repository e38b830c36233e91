use std::collections::HashMap;

use entity::resource::{Kind, ModelSpec, ModelState, Resource};
use entity::row::model::{Column, Entity};
use entity::row::{api_key_model_access, provider, provider_api_key};
use entity::vocab::ModelType;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{Found, IN_LIST, Row, Stored, counts, filters, slugs};
use crate::store::reach::Reach;

impl Stored for ModelSpec {
    const KIND: Kind = Kind::Model;
    type State = ModelState;
    type Entity = Entity;
    const ID: Column = Column::Id;
    const NAME: Column = Column::Name;
    const CREATED: Column = Column::CreatedAt;
    const ORGANISATION: Option<Column> = Some(Column::OrganisationId);

    filters! {
        "type", "Only models of this type.", Words(ModelType), word::<ModelType>(Column::Kind);
        "provider", "Only models of this provider, by name or id.", Text, provider(Column::ProviderId);
    }

    fn reached(reach: Reach) -> Condition {
        reach.of_models(Column::Id.into_expr())
    }

    async fn hydrate(db: &impl ConnectionTrait, rows: Vec<Row<Self>>) -> Result<Vec<Found<Self>>, DbErr> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
        let slugs = slugs(db, rows.iter().map(|row| row.organisation_id)).await?;
        let keys = counts::<api_key_model_access::Entity>(db, api_key_model_access::Column::ModelId, &ids).await?;
        let providers = names::<provider::Entity>(
            db,
            [provider::Column::Id, provider::Column::Name],
            rows.iter().map(|row| row.provider_id.0),
        )
        .await?;
        let provider_keys = names::<provider_api_key::Entity>(
            db,
            [provider_api_key::Column::Id, provider_api_key::Column::Name],
            rows.iter().filter_map(|row| row.provider_key_id).map(|id| id.0),
        )
        .await?;
        let found = |row: Row<Self>| Found {
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
                    slug: row.slug,
                    provider: providers.get(&row.provider_id.0).cloned().unwrap_or_default(),
                    provider_key: row.provider_key_id.and_then(|id| provider_keys.get(&id.0).cloned()),
                    capabilities: row.capabilities.0,
                    config: row.config,
                    pricing: row.pricing,
                    price_changes: row.price_changes.unwrap_or_default().0,
                    policies: row.policies.unwrap_or_default(),
                },
                status: ModelState { keys: keys.get(&row.id.0).copied().unwrap_or(0) },
            },
            children: Default::default(),
            holder: None,
        };
        Ok(rows.into_iter().map(found).collect())
    }
}

/// What models are for, by the names that go with their ids.
pub async fn types_of(
    db: &impl ConnectionTrait,
    models: HashMap<String, Uuid>,
) -> Result<HashMap<String, ModelType>, DbErr> {
    let ids: Vec<Uuid> = models.values().copied().collect();
    let mut types: HashMap<Uuid, ModelType> = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IN_LIST) {
        let pairs: Vec<(Uuid, ModelType)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Kind])
            .filter(Column::Id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        types.extend(pairs);
    }
    Ok(models.into_iter().filter_map(|(name, id)| Some((name, *types.get(&id)?))).collect())
}

/// The names of rows, by id.
pub(super) async fn names<E: EntityTrait>(
    db: &impl ConnectionTrait,
    [id, name]: [E::Column; 2],
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, String>, DbErr> {
    let ids: std::collections::BTreeSet<Uuid> = ids.collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let mut names = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IN_LIST) {
        let pairs: Vec<(Uuid, String)> = E::find()
            .select_only()
            .columns([id, name])
            .filter(id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        names.extend(pairs);
    }
    Ok(names)
}
