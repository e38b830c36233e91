//! What manifests say about resources beside their specs: labels, and whether they are protected.

use std::collections::HashMap;

use entity::row::resource_metadata::{Column, Entity, Labels};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::kinds::{Found, Stored};

/// Values in one `IN (…)`.
const IN_LIST: usize = 5_000;

/// Fills labels and protection in.
pub async fn attach<S: Stored>(db: &impl ConnectionTrait, found: &mut [Found<S>]) -> Result<(), DbErr> {
    let mut by_id: HashMap<Uuid, &mut Found<S>> = found.iter_mut().map(|found| (found.resource.id, found)).collect();
    let ids: Vec<Uuid> = by_id.keys().copied().collect();
    for ids in ids.chunks(IN_LIST) {
        let rows: Vec<(Uuid, bool, Labels)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Protect, Column::Labels])
            .filter(Column::Id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        for (id, protect, labels) in rows {
            if let Some(found) = by_id.get_mut(&id) {
                found.resource.protect = protect;
                found.resource.labels = labels.0;
            }
        }
    }
    Ok(())
}

/// Which of these resources are protected.
pub async fn protected(db: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<Uuid>, DbErr> {
    let mut protected = Vec::new();
    for ids in ids.chunks(IN_LIST) {
        let select = Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(ids.iter().copied()));
        protected.extend(select.filter(Column::Protect.eq(true)).into_tuple::<Uuid>().all(db).await?);
    }
    Ok(protected)
}
