//! Organisations by slug or id.

use entity::row::organisation::{Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use uuid::Uuid;

/// Finds an organisation.
pub async fn find(db: &impl ConnectionTrait, slug_or_id: &str) -> Result<Option<Model>, DbErr> {
    let by = match Uuid::try_parse(slug_or_id) {
        Ok(id) => Column::Id.eq(id),
        Err(_) => Column::Slug.eq(slug_or_id),
    };
    Entity::find().filter(by).one(db).await
}
