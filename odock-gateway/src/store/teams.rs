//! Facts about teams that no single row tells.

use entity::OrganisationId;
use entity::row::team::{Column, Entity};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

/// The slugs that an organisation's teams have.
pub async fn slugs(db: &impl ConnectionTrait, organisation: OrganisationId) -> Result<Vec<String>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Slug)
        .filter(Column::OrganisationId.eq(organisation))
        .into_tuple()
        .all(db)
        .await
}
