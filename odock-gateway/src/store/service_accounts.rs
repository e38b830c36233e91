//! Tokens of service accounts, and tokens of other issuers that were exchanged for them.

use std::time::Duration;

use entity::row::access_token::Scopes;
use entity::row::service_account_token::{ActiveModel, Column, Entity, Model};
use entity::row::{SecretHash, service_account, used_assertion};
use entity::session::Token;
use entity::vocab::{Scope, ServiceTokenKind};
use entity::{AccessTokenId, OrganisationId, ServiceAccountId, Timestamp, UsedAssertionId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};

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

/// What a new token is to be.
#[derive(Debug)]
pub struct NewToken {
    /// Whose.
    pub account: ServiceAccountId,
    /// How it came about.
    pub kind: ServiceTokenKind,
    /// What people call it.
    pub name: String,
    /// The hash of the secret.
    pub hash: SecretHash,
    /// What people see of the secret.
    pub preview: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// What it was given for.
    pub proof: Option<serde_json::Value>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Stores a new token.
pub async fn insert(db: &impl ConnectionTrait, new: NewToken, now: Timestamp) -> Result<Model, DbErr> {
    let row = Model {
        id: AccessTokenId::new(),
        service_account_id: new.account,
        kind: new.kind,
        name: new.name,
        token_hash: new.hash,
        preview: new.preview,
        scopes: Scopes(new.scopes),
        proof: new.proof,
        expires_at: new.expires_at,
        last_used_at: None,
        revoked_at: None,
        created_at: now,
        updated_at: now,
    };
    Entity::insert(row.clone().into_active_model().reset_all()).exec_without_returning(db).await?;
    Ok(row)
}

/// The tokens of a service account, newest first; those that were exchanged only while they work.
pub async fn tokens(db: &impl ConnectionTrait, account: ServiceAccountId, now: Timestamp) -> Result<Vec<Model>, DbErr> {
    let lasting = sea_orm::Condition::any()
        .add(Column::Kind.eq(ServiceTokenKind::Issued))
        .add(sea_orm::Condition::all().add(Column::ExpiresAt.gt(now)).add(Column::RevokedAt.is_null()));
    Entity::find().filter(Column::ServiceAccountId.eq(account)).filter(lasting).order_by_desc(Column::Id).all(db).await
}

/// Revokes a token of a service account; `None` if it has no such token, otherwise whether it was this call that did.
pub async fn revoke(
    db: &impl ConnectionTrait,
    account: ServiceAccountId,
    token: AccessTokenId,
    now: Timestamp,
) -> Result<Option<bool>, DbErr> {
    let of = Entity::find_by_id(token).filter(Column::ServiceAccountId.eq(account)).one(db).await?;
    if of.is_none() {
        return Ok(None);
    }
    let revoked = ActiveModel { revoked_at: Set(Some(now)), updated_at: Set(now), ..Default::default() };
    let done = Entity::update_many()
        .set(revoked)
        .filter(Column::Id.eq(token))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(Some(done.rows_affected == 1))
}

/// Forgets exchanged tokens that ended more than a day ago.
pub async fn forget(db: &impl ConnectionTrait, account: ServiceAccountId, now: Timestamp) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::ServiceAccountId.eq(account))
        .filter(Column::Kind.eq(ServiceTokenKind::Exchanged))
        .filter(Column::ExpiresAt.lt(now.minus(Duration::from_secs(24 * 60 * 60))))
        .exec(db)
        .await
        .map(drop)
}

/// A service account by organisation and name.
pub async fn named(
    db: &impl ConnectionTrait,
    organisation: OrganisationId,
    name: &str,
) -> Result<Option<service_account::Model>, DbErr> {
    service_account::Entity::find()
        .filter(service_account::Column::OrganisationId.eq(organisation))
        .filter(service_account::Column::Name.eq(name))
        .one(db)
        .await
}

/// Uses a token of another issuer up; false if it was used up before.
pub async fn use_up(
    db: &impl ConnectionTrait,
    digest: SecretHash,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbErr> {
    use used_assertion::{Column, Entity, Model};
    Entity::delete_many().filter(Column::ExpiresAt.lt(now)).exec(db).await?;
    let row = Model { id: UsedAssertionId::new(), digest, expires_at: until, created_at: now, updated_at: now };
    let once = OnConflict::column(Column::Digest).do_nothing().to_owned();
    let inserted =
        Entity::insert(row.into_active_model().reset_all()).on_conflict(once).exec_without_returning(db).await;
    match inserted {
        Ok(count) => Ok(count > 0),
        Err(DbErr::RecordNotInserted) => Ok(false),
        Err(error) => Err(error),
    }
}
