//! Virtual keys: what happens to their secrets.

use std::collections::HashMap;
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
    /// Nothing yet: the key waits for a secret to be delivered.
    Pending,
}

/// Takes the sealed secret out of a key.
pub async fn reveal(db: &impl ConnectionTrait, key: ApiKeyId, now: Timestamp) -> Result<Reveal, DbErr> {
    let row = Entity::find_by_id(key).one(db).await?;
    if row.as_ref().is_some_and(|row| row.pending_until.is_some() && row.next_hash.is_none()) {
        return Ok(Reveal::Pending);
    }
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
        ..no_next()
    };
    change(columns, key, now).exec(db).await?;
    api_key_rotation::Entity::insert(note).exec_without_returning(db).await.map(drop)
}

/// A secret that waits until somebody says that it arrived.
#[derive(Debug)]
pub struct Drawn {
    /// The hash of the secret.
    pub hash: SecretHash,
    /// What people see of it.
    pub preview: String,
    /// Until when it can be acknowledged.
    pub until: Timestamp,
}

/// Gives a key that waits for its first secret another one to wait for.
pub async fn redraw(db: &impl ConnectionTrait, key: ApiKeyId, new: Drawn, now: Timestamp) -> Result<(), DbErr> {
    let columns = ActiveModel {
        secret_hash: Set(new.hash),
        preview: Set(new.preview),
        sealed_secret: Set(None),
        revealed: Set(true),
        pending_until: Set(Some(new.until)),
        ..Default::default()
    };
    change(columns, key, now).exec(db).await.map(drop)
}

/// Prepares a rotation, which is carried out when the secret is acknowledged.
pub async fn prepare_rotation(
    db: &impl ConnectionTrait,
    key: ApiKeyId,
    new: Drawn,
    overlap: Duration,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let columns = ActiveModel {
        next_hash: Set(Some(new.hash)),
        next_preview: Set(Some(new.preview)),
        next_overlap_seconds: Set(Some(i32::try_from(overlap.as_secs()).unwrap_or(i32::MAX))),
        next_expiry: Set(expires_at),
        pending_until: Set(Some(new.until)),
        ..Default::default()
    };
    change(columns, key, now).exec(db).await.map(drop)
}

/// What came of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// The secret is in force.
    InForce,
    /// It was in force before.
    Before,
    /// The time is over.
    Lapsed,
    /// The key has, or waits for, another secret.
    Another,
}

/// Puts a secret in force that arrived.
pub async fn acknowledge(
    db: &impl ConnectionTrait,
    key: ApiKeyId,
    hash: &SecretHash,
    by: String,
    now: Timestamp,
) -> Result<Acknowledged, DbErr> {
    let row = Entity::find_by_id(key).one(db).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("api_key".into()))?;
    let waits = row.next_hash.as_ref().unwrap_or(&row.secret_hash);
    match row.pending_until {
        None if row.secret_hash == *hash => return Ok(Acknowledged::Before),
        Some(_) if waits != hash => return Ok(Acknowledged::Another),
        None => return Ok(Acknowledged::Another),
        Some(until) if until <= now => return Ok(Acknowledged::Lapsed),
        Some(_) => {}
    }
    if let (Some(hash), Some(preview)) = (row.next_hash, row.next_preview) {
        let overlap = Duration::from_secs(row.next_overlap_seconds.and_then(|it| u64::try_from(it).ok()).unwrap_or(0));
        rotate(db, key, Rotated { hash, preview, overlap, expires_at: row.next_expiry, by }, now).await?;
    } else {
        change(ActiveModel { pending_until: Set(None), ..Default::default() }, key, now).exec(db).await?;
    }
    Ok(Acknowledged::InForce)
}

/// Ends the overlap of a rotation, or gives up one that was not acknowledged. Whether there was anything to end.
pub async fn finish_rotation(db: &impl ConnectionTrait, key: ApiKeyId, now: Timestamp) -> Result<bool, DbErr> {
    let row = Entity::find_by_id(key).one(db).await?;
    let Some(row) = row.filter(|row| row.previous_hash.is_some() || row.next_hash.is_some()) else { return Ok(false) };
    let mut columns = no_next();
    columns.previous_hash = Set(None);
    columns.previous_valid_until = Set(None);
    if row.next_hash.is_none() {
        columns.pending_until = Set(row.pending_until);
    }
    change(columns, key, now).exec(db).await?;
    Ok(true)
}

/// Nothing waits any more.
fn no_next() -> ActiveModel {
    ActiveModel {
        pending_until: Set(None),
        next_hash: Set(None),
        next_preview: Set(None),
        next_overlap_seconds: Set(None),
        next_expiry: Set(None),
        ..Default::default()
    }
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

/// The hashes of the secrets of keys.
pub async fn secret_hashes(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = uuid::Uuid>,
) -> Result<HashMap<uuid::Uuid, SecretHash>, DbErr> {
    let ids: Vec<uuid::Uuid> = ids.collect();
    let mut hashes = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(5_000) {
        let select = Entity::find().select_only().columns([Column::Id, Column::SecretHash]);
        let rows: Vec<(uuid::Uuid, SecretHash)> =
            select.filter(Column::Id.is_in(ids.iter().copied())).into_tuple().all(db).await?;
        hashes.extend(rows);
    }
    Ok(hashes)
}
