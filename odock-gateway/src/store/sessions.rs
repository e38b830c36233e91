//! Sessions: one row for each, which rotates in place. A session is found by its family, the part of its refresh tokens
//! that stays; so a refresh token that was used before still leads to its session, and ends it.

use entity::row::SecretHash;
use entity::row::session::{ActiveModel, Column, Entity, Model};
use entity::{SessionId, Timestamp, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

/// Stores a new session.
pub async fn insert(db: &impl ConnectionTrait, session: Model) -> Result<(), DbErr> {
    use sea_orm::ActiveModelTrait;
    Entity::insert(session.into_active_model().reset_all()).exec_without_returning(db).await.map(drop)
}

/// The session of a refresh token, by the part that stays.
pub async fn by_family(db: &impl ConnectionTrait, family: &SecretHash) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::FamilyHash.eq(family.clone())).one(db).await
}

/// What a session has after a rotation.
#[derive(Debug)]
pub struct Rotation {
    /// The hash of the new refresh token.
    pub refresh_hash: SecretHash,
    /// The hash of the new access token.
    pub access_hash: SecretHash,
    /// What people see of it.
    pub access_preview: String,
    /// When it stops working.
    pub access_expires_at: Timestamp,
    /// When the session ends.
    pub expires_at: Timestamp,
    /// Where it was renewed from.
    pub address: String,
}

/// Rotates a session's tokens, unless somebody else did since it was read.
pub async fn rotate(db: &impl ConnectionTrait, session: &Model, next: Rotation, now: Timestamp) -> Result<bool, DbErr> {
    let columns = ActiveModel {
        refresh_hash: Set(next.refresh_hash),
        access_hash: Set(next.access_hash),
        access_preview: Set(next.access_preview),
        access_expires_at: Set(next.access_expires_at),
        // Calls under way in another process go on with the token that they have.
        former_access_hash: Set(Some(session.access_hash.clone())),
        former_access_expires_at: Set(Some(session.access_expires_at)),
        expires_at: Set(next.expires_at),
        address: Set(next.address),
        last_used_at: Set(Some(now)),
        updated_at: Set(now),
        ..Default::default()
    };
    let rotated = Entity::update_many()
        .set(columns)
        .filter(Column::Id.eq(session.id))
        .filter(Column::RefreshHash.eq(session.refresh_hash.clone()))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(rotated.rows_affected == 1)
}

/// A user's sessions that still are, newest first.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId, now: Timestamp) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .order_by_desc(Column::Id)
        .all(db)
        .await
}

/// Ends a session of a user, and says whether it was this call that did.
pub async fn revoke(db: &impl ConnectionTrait, user: UserId, id: SessionId, now: Timestamp) -> Result<bool, DbErr> {
    let revoked = ActiveModel { revoked_at: Set(Some(now)), updated_at: Set(now), ..Default::default() };
    let ended = Entity::update_many()
        .set(revoked)
        .filter(Column::Id.eq(id))
        .filter(Column::UserId.eq(user))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(ended.rows_affected == 1)
}

/// Ends the sessions of users, but for one that may stay.
pub async fn revoke_all(
    db: &impl ConnectionTrait,
    users: &[UserId],
    but: Option<SessionId>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let revoked = ActiveModel { revoked_at: Set(Some(now)), updated_at: Set(now), ..Default::default() };
    let mut update = Entity::update_many()
        .set(revoked)
        .filter(Column::UserId.is_in(users.iter().copied()))
        .filter(Column::RevokedAt.is_null());
    if let Some(but) = but {
        update = update.filter(Column::Id.ne(but));
    }
    update.exec(db).await.map(drop)
}

/// Whether a user was signed in from an address before: there a mistyped password is a mistyped password.
pub async fn has_come_from(
    db: &impl ConnectionTrait,
    user: UserId,
    address: &str,
    since: Timestamp,
) -> Result<bool, DbErr> {
    let one: Option<SessionId> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::UserId.eq(user))
        .filter(Column::Address.eq(address))
        .filter(Column::UpdatedAt.gt(since))
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(one.is_some())
}

/// Forgets sessions that ended before `before`.
pub async fn forget(db: &impl ConnectionTrait, user: UserId, before: Timestamp) -> Result<(), DbErr> {
    let over = sea_orm::Condition::any().add(Column::ExpiresAt.lt(before)).add(Column::RevokedAt.lt(before));
    Entity::delete_many().filter(Column::UserId.eq(user)).filter(over).exec(db).await.map(drop)
}
