//! Who users are at other issuers, and their passwords.

use entity::row::external_identity::{ActiveModel, Column, Entity, Model};
use entity::row::{PasswordHash, organisation, user};
use entity::{ExternalIdentityId, Timestamp, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};

/// A user by e-mail address.
pub async fn user(db: &impl ConnectionTrait, email: &str) -> Result<Option<user::Model>, DbErr> {
    user::Entity::find().filter(user::Column::Email.eq(email)).one(db).await
}

/// A user by id.
pub async fn user_by_id(db: &impl ConnectionTrait, id: UserId) -> Result<Option<user::Model>, DbErr> {
    user::Entity::find_by_id(id).one(db).await
}

/// The slug of a user's organisation.
pub async fn organisation_of(
    db: &impl ConnectionTrait,
    user: &user::Model,
) -> Result<Option<organisation::Model>, DbErr> {
    match user.organisation_id {
        Some(id) => organisation::Entity::find_by_id(id).one(db).await,
        None => Ok(None),
    }
}

/// Sets a user's password.
pub async fn set_password(
    db: &impl ConnectionTrait,
    user: UserId,
    hash: PasswordHash,
    now: Timestamp,
) -> Result<(), DbErr> {
    let columns = user::ActiveModel {
        password_hash: Set(Some(hash)),
        password_set_at: Set(Some(now)),
        updated_at: Set(now),
        ..Default::default()
    };
    user::Entity::update_many().set(columns).filter(user::Column::Id.eq(user)).exec(db).await.map(drop)
}

/// Who an identity belongs to.
pub async fn by_subject(db: &impl ConnectionTrait, issuer: &str, subject: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::Issuer.eq(issuer)).filter(Column::Subject.eq(subject)).one(db).await
}

/// Whether a user has an identity of an issuer already.
pub async fn has_one_of(db: &impl ConnectionTrait, user: UserId, issuer: &str) -> Result<bool, DbErr> {
    let found = Entity::find().filter(Column::UserId.eq(user)).filter(Column::Issuer.eq(issuer)).one(db).await?;
    Ok(found.is_some())
}

/// Links an identity to a user.
pub async fn link(
    db: &impl ConnectionTrait,
    user: UserId,
    [issuer, subject]: [&str; 2],
    email: Option<&str>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let row = Model {
        id: ExternalIdentityId::new(),
        user_id: user,
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        email: email.map(str::to_owned),
        last_sign_in_at: Some(now),
        created_at: now,
        updated_at: now,
    };
    Entity::insert(row.into_active_model().reset_all()).exec_without_returning(db).await.map(drop)
}

/// Notes that somebody signed in with an identity.
pub async fn used(db: &impl ConnectionTrait, id: ExternalIdentityId, now: Timestamp) -> Result<(), DbErr> {
    let used = ActiveModel { last_sign_in_at: Set(Some(now)), updated_at: Set(now), ..Default::default() };
    Entity::update_many().set(used).filter(Column::Id.eq(id)).exec(db).await.map(drop)
}
