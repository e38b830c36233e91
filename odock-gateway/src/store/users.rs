//! Facts about users that no single row tells.

use entity::row::user::{Column, Entity};
use entity::vocab::{Role, UserStatus};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

/// The addresses of everybody who may administer everything. More than two tell no more than two.
pub async fn active_super_admins(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Email)
        .filter(Column::Role.eq(Role::SuperAdmin))
        .filter(Column::Status.eq(UserStatus::Active))
        .limit(2)
        .into_tuple()
        .all(db)
        .await
}
