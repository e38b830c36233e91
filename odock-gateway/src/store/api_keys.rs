//! Virtual keys: what happens to their secrets.

use std::time::Duration;

use entity::envelope::Envelope;
use entity::resource::Rotation;
use entity::row::api_key::{ActiveModel, Column, Entity};
use entity::row::{SecretHash, api_key_rotation};
use entity::{ApiKeyId, RotationId, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

/// What there is to reveal.
#[derive(Debug)]
pub enum Reveal {
    /// The sealed secret, which is no longer kept.
    Sealed(Envelope),
    /// Nothing: it was shown before.
    Shown,
}

/// Takes the sealed secret out of a key.
pub async fn reveal(db: &impl ConnectionTrait, key: ApiKeyId, now: Timestamp) -> Result<Reveal, DbErr> {
    let row = Entity::find_by_id(key).one(db).await?;
    let Some(sealed) = row.filter(|row| !row.revealed).and_then(|row| row.sealed_secret) else {
        return Ok(Reveal::Shown);
    };
    let shown = ActiveModel { revealed: Set(true), sealed_secret: Set(None), ..Default::default() };
    // The condition makes one of two reveals at once the loser.
    let taken = change(shown, key, now).filter(Column::Revealed.eq(false)).exec(db).await?;
    Ok(if taken.rows_affected == 1 { Reveal::Sealed(sealed) } else { Reveal::Shown })
}

/// A new secret for a key.
#[derive(Debug)]
pub struct Rotated {
    /// The hash of the secret.
    pub hash: SecretHash,
    /// What people see of it.
    pub preview: String,
    /// How long the old secret goes on working.
    pub overlap: Duration,
    /// The new expiry; unchanged when absent.
    pub expires_at: Option<Timestamp>,
    /// Who did it.
    pub by: String,
}

/// Gives a key a new secret and notes the rotation.
pub async fn rotate(db: &impl ConnectionTrait, key: ApiKeyId, new: Rotated, now: Timestamp) -> Result<(), DbErr> {
    let row = Entity::find_by_id(key).one(db).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("api_key".into()))?;
    let until = now.plus(new.overlap);
    let overlaps = !new.overlap.is_zero();
    let new_expiry = new.expires_at.or(row.expires_at);
    let note = api_key_rotation::ActiveModel {
        id: Set(RotationId::new()),
        api_key_id: Set(key),
        rotated_by: Set(new.by),
        previous_preview: Set(row.preview),
        previous_valid_until: Set(until),
        previous_expiry: Set(row.expires_at),
        new_expiry: Set(new_expiry),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let columns = ActiveModel {
        previous_hash: Set(overlaps.then_some(row.secret_hash)),
        previous_valid_until: Set(overlaps.then_some(until)),
        secret_hash: Set(new.hash),
        preview: Set(new.preview),
        sealed_secret: Set(None),
        revealed: Set(true),
        expires_at: Set(new_expiry),
        rotations: Set(row.rotations.saturating_add(1)),
        ..Default::default()
    };
    change(columns, key, now).exec(db).await?;
    api_key_rotation::Entity::insert(note).exec_without_returning(db).await.map(drop)
}

/// Revokes a key, or lets it work again.
pub async fn set_revoked(
    db: &impl ConnectionTrait,
    key: ApiKeyId,
    revoked_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let columns = ActiveModel { revoked_at: Set(revoked_at), ..Default::default() };
    change(columns, key, now).exec(db).await.map(drop)
}

/// The rotations of a key, newest first.
pub async fn history(db: &impl ConnectionTrait, key: ApiKeyId) -> Result<Vec<Rotation>, DbErr> {
    let rows = api_key_rotation::Entity::find()
        .filter(api_key_rotation::Column::ApiKeyId.eq(key))
        .order_by_desc(api_key_rotation::Column::Id)
        .all(db)
        .await?;
    let shown = |row: api_key_rotation::Model| Rotation {
        at: row.created_at,
        by: row.rotated_by,
        previous_preview: row.previous_preview,
        previous_valid_until: row.previous_valid_until,
        previous_expiry: row.previous_expiry,
        new_expiry: row.new_expiry,
    };
    Ok(rows.into_iter().map(shown).collect())
}

/// An update of one key that counts as a revision.
fn change(columns: ActiveModel, key: ApiKeyId, now: Timestamp) -> sea_orm::UpdateMany<Entity> {
    let columns = ActiveModel { updated_at: Set(now), ..columns };
    Entity::update_many()
        .set(columns)
        .col_expr(Column::Revision, Column::Revision.into_expr().add(1))
        .filter(Column::Id.eq(key))
}

/// The hash of a key's secret.
pub async fn secret_hash(db: &impl ConnectionTrait, id: ApiKeyId) -> Result<Option<SecretHash>, DbErr> {
    Entity::find().select_only().column(Column::SecretHash).filter(Column::Id.eq(id)).into_tuple().one(db).await
}
