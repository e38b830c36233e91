//! Sign-ins by a code that is typed in a browser, while they are under way. Any node can answer for any of them.

use entity::row::SecretHash;
use entity::row::device_sign_in::{ActiveModel, Column, Entity, Model};
use entity::{DeviceSignInId, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
};

/// Stores one that begins, and forgets those that are over.
pub async fn begin(db: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::ExpiresAt.lt(row.created_at)).exec(db).await?;
    Entity::insert(row.into_active_model().reset_all()).exec_without_returning(db).await.map(drop)
}

/// How many are under way.
pub async fn under_way(db: &impl ConnectionTrait, now: Timestamp) -> Result<u64, DbErr> {
    Entity::find().filter(Column::ExpiresAt.gte(now)).count(db).await
}

/// One by its handle.
pub async fn find(db: &impl ConnectionTrait, handle: &SecretHash) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::HandleHash.eq(handle.clone())).one(db).await
}

/// Takes the turn to ask the provider; false while it is too early or somebody else has it.
pub async fn take_turn(db: &impl ConnectionTrait, row: &Model, now: Timestamp) -> Result<bool, DbErr> {
    let next = Timestamp(now.0.saturating_add(row.interval_ms.saturating_mul(1_000)));
    let columns = ActiveModel { next_poll_at: Set(next), updated_at: Set(now), ..Default::default() };
    let taken = Entity::update_many()
        .set(columns)
        .filter(Column::Id.eq(row.id))
        .filter(Column::NextPollAt.lte(now))
        .exec(db)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Asks less often from now on.
pub async fn slow_down(db: &impl ConnectionTrait, row: &Model, interval_ms: i64, now: Timestamp) -> Result<(), DbErr> {
    let next = Timestamp(now.0.saturating_add(interval_ms.saturating_mul(1_000)));
    let columns = ActiveModel {
        interval_ms: Set(interval_ms),
        next_poll_at: Set(next),
        updated_at: Set(now),
        ..Default::default()
    };
    Entity::update_many().set(columns).filter(Column::Id.eq(row.id)).exec(db).await.map(drop)
}

/// Ends one, and says whether it was this call that did.
pub async fn end(db: &impl ConnectionTrait, id: DeviceSignInId) -> Result<bool, DbErr> {
    Ok(Entity::delete_by_id(id).exec(db).await?.rows_affected == 1)
}
