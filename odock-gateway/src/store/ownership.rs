//! Which owner declared which fields of which resource.

use std::collections::HashMap;

use entity::OrganisationId;
use entity::row::managed_resource::{Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

/// Values in one `IN (…)`.
const IN_LIST: usize = 5_000;

/// What every owner declared of these resources.
pub async fn of_resources(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Vec<Model>>, DbErr> {
    let ids: Vec<Uuid> = ids.collect();
    let mut rows: HashMap<Uuid, Vec<Model>> = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IN_LIST) {
        for row in Entity::find().filter(Column::ResourceId.is_in(ids.iter().copied())).all(db).await? {
            rows.entry(row.resource_id).or_default().push(row);
        }
    }
    Ok(rows)
}

/// What every owner declared of one resource of an organisation, or of the organisation itself.
pub async fn of_resource(
    db: &impl ConnectionTrait,
    organisation: OrganisationId,
    id: Uuid,
) -> Result<Vec<Model>, DbErr> {
    let select = Entity::find().filter(Column::ResourceId.eq(id));
    let select = if id == organisation.0 { select } else { select.filter(Column::OrganisationId.eq(organisation)) };
    select.all(db).await
}

/// A resource that an owner has a hand in.
#[derive(Clone, Debug)]
pub struct Owned {
    /// The row.
    pub row: Uuid,
    /// The kind as manifests spell it.
    pub kind: String,
    /// The resource.
    pub resource: Uuid,
    /// Whether it came to be by this owner, or was adopted.
    pub born: bool,
}

/// Everything that an owner has a hand in within an organisation.
pub async fn of_owner(
    db: &impl ConnectionTrait,
    organisation: OrganisationId,
    owner: &str,
) -> Result<Vec<Owned>, DbErr> {
    let rows: Vec<(Uuid, String, Uuid, bool)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Kind, Column::ResourceId, Column::Born])
        .filter(Column::OrganisationId.eq(organisation))
        .filter(Column::Owner.eq(owner))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(row, kind, resource, born)| Owned { row, kind, resource, born }).collect())
}

/// The owners of these resources, by resource.
pub async fn owners(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Vec<String>>, DbErr> {
    let ids: Vec<Uuid> = ids.collect();
    let mut owners: HashMap<Uuid, Vec<String>> = HashMap::new();
    for ids in ids.chunks(IN_LIST) {
        let rows: Vec<(Uuid, String)> = Entity::find()
            .select_only()
            .columns([Column::ResourceId, Column::Owner])
            .filter(Column::ResourceId.is_in(ids.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        rows.into_iter().for_each(|(resource, owner)| owners.entry(resource).or_default().push(owner));
    }
    Ok(owners)
}
