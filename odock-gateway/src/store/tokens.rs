//! Users' tokens of the management API: personal ones, and one-time ones to sign in with.

use entity::row::access_token::{ActiveModel, Column, Entity, Model, Scopes};
use entity::row::{SecretHash, user};
use entity::session::Token;
use entity::vocab::{Scope, TokenKind};
use entity::{AccessTokenId, Timestamp, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// What a new token is to be.
#[derive(Debug)]
pub struct NewToken {
    /// Whose.
    pub user: UserId,
    /// What for.
    pub kind: TokenKind,
    /// What people call it.
    pub name: String,
    /// The hash of the secret.
    pub hash: SecretHash,
    /// What people see of the secret.
    pub preview: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A token as it is shown.
#[must_use]
pub fn shown(token: &Model) -> Token {
    Token {
        id: token.id,
        name: token.name.clone(),
        preview: token.preview.clone(),
        scopes: token.scopes.0.clone(),
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
        revoked_at: token.revoked_at,
    }
}

/// Stores a new token.
pub async fn insert(db: &impl ConnectionTrait, new: NewToken, now: Timestamp) -> Result<Model, DbErr> {
    let row = Model {
        id: AccessTokenId::new(),
        user_id: new.user,
        kind: new.kind,
        name: new.name,
        token_hash: new.hash,
        preview: new.preview,
        scopes: Scopes(new.scopes),
        expires_at: new.expires_at,
        last_used_at: None,
        revoked_at: None,
        created_at: now,
        updated_at: now,
    };
    let columns: ActiveModel = row.clone().into();
    Entity::insert(columns.reset_all()).exec_without_returning(db).await?;
    Ok(row)
}

/// The personal tokens of a user, newest first.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::Kind.eq(TokenKind::Personal))
        .order_by_desc(Column::Id)
        .all(db)
        .await
}

/// One personal token of a user.
pub async fn one_of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    token: AccessTokenId,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(token).filter(Column::UserId.eq(user)).filter(Column::Kind.eq(TokenKind::Personal)).one(db).await
}

/// Revokes a token, and says whether it was this call that did.
pub async fn revoke(db: &impl ConnectionTrait, token: AccessTokenId, now: Timestamp) -> Result<bool, DbErr> {
    let revoked = ActiveModel { revoked_at: Set(Some(now)), updated_at: Set(now), ..Default::default() };
    let result = Entity::update_many()
        .set(revoked)
        .filter(Column::Id.eq(token))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(result.rows_affected == 1)
}

/// Revokes every token of users, of whatever kind.
pub async fn revoke_all(db: &impl ConnectionTrait, users: &[UserId], now: Timestamp) -> Result<(), DbErr> {
    let revoked = ActiveModel { revoked_at: Set(Some(now)), updated_at: Set(now), ..Default::default() };
    Entity::update_many()
        .set(revoked)
        .filter(Column::UserId.is_in(users.iter().copied()))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await
        .map(drop)
}

/// Revokes every sign-in token of a user that was not used yet.
pub async fn revoke_sign_ins(db: &impl ConnectionTrait, user: UserId, now: Timestamp) -> Result<(), DbErr> {
    let revoked = ActiveModel { revoked_at: Set(Some(now)), updated_at: Set(now), ..Default::default() };
    Entity::update_many()
        .set(revoked)
        .filter(Column::UserId.eq(user))
        .filter(Column::Kind.eq(TokenKind::SignIn))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await
        .map(drop)
}

/// Notes that a user signed in.
pub async fn signed_in(db: &impl ConnectionTrait, user: UserId, now: Timestamp) -> Result<(), DbErr> {
    let seen = user::ActiveModel { last_sign_in_at: Set(Some(now)), ..Default::default() };
    user::Entity::update_many().set(seen).filter(user::Column::Id.eq(user)).exec(db).await.map(drop)
}

/// Whether anybody has ever signed in.
pub async fn anybody_signed_in(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let one: Option<UserId> = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .filter(user::Column::LastSignInAt.is_not_null())
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(one.is_some())
}

/// Makes a token good again, until `expires_at`.
pub async fn renew(
    db: &impl ConnectionTrait,
    token: AccessTokenId,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbErr> {
    let renewed =
        ActiveModel { revoked_at: Set(None), expires_at: Set(expires_at), updated_at: Set(now), ..Default::default() };
    Entity::update_many().set(renewed).filter(Column::Id.eq(token)).exec(db).await.map(drop)
}
