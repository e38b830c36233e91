//! Invitations.

use std::collections::HashMap;

use entity::invitation::Invitation;
use entity::row::organisation_invitation::{ActiveModel, Column, Entity, Model};
use entity::row::{SecretHash, organisation};
use entity::vocab::InvitationStatus;
use entity::{InvitationId, OrganisationId, Timestamp, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

/// An invitation as it is at an instant.
#[must_use]
pub fn status(row: &Model, now: Timestamp) -> InvitationStatus {
    match row.status {
        InvitationStatus::Pending if row.expires_at <= now => InvitationStatus::Expired,
        status => status,
    }
}

/// An invitation as it is shown.
#[must_use]
pub fn shown(row: &Model, slug: Option<&str>, now: Timestamp) -> Invitation {
    Invitation {
        id: row.id,
        email: row.email.clone(),
        role: row.role,
        organisation: row.drafts.as_deref().or(slug).map(str::to_owned),
        drafts: row.drafts.is_some(),
        status: status(row, now),
        invited_by: row.invited_by.clone(),
        preview: row.preview.clone(),
        created_at: row.created_at,
        expires_at: row.expires_at,
        accepted_at: row.accepted_at,
    }
}

/// Stores a new one.
pub async fn insert(db: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model().reset_all()).exec_without_returning(db).await.map(drop)
}

/// Invitations into one organisation, or all of them, newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    organisation: Option<OrganisationId>,
    now: Timestamp,
) -> Result<Vec<Invitation>, DbErr> {
    let mut select = Entity::find().order_by_desc(Column::Id).limit(10_000);
    if let Some(organisation) = organisation {
        select = select.filter(Column::OrganisationId.eq(organisation));
    }
    let rows = select.all(db).await?;
    let slugs: Vec<(OrganisationId, String)> = organisation::Entity::find()
        .select_only()
        .columns([organisation::Column::Id, organisation::Column::Slug])
        .into_tuple()
        .all(db)
        .await?;
    let slugs: HashMap<OrganisationId, String> = slugs.into_iter().collect();
    let slug = |row: &Model| row.organisation_id.and_then(|id| slugs.get(&id)).map(String::as_str);
    Ok(rows.iter().map(|row| shown(row, slug(row), now)).collect())
}

/// One by id, of one organisation or of any.
pub async fn one(
    db: &impl ConnectionTrait,
    organisation: Option<OrganisationId>,
    id: InvitationId,
) -> Result<Option<Model>, DbErr> {
    let mut select = Entity::find_by_id(id);
    if let Some(organisation) = organisation {
        select = select.filter(Column::OrganisationId.eq(organisation));
    }
    select.one(db).await
}

/// One by the hash of its token.
pub async fn by_hash(db: &impl ConnectionTrait, hash: &SecretHash) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::TokenHash.eq(hash.clone())).one(db).await
}

/// Gives a pending invitation a new token and a new time; false if it is not pending any more.
pub async fn renew(
    db: &impl ConnectionTrait,
    id: InvitationId,
    (hash, preview): (SecretHash, String),
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let columns = ActiveModel {
        token_hash: Set(hash),
        preview: Set(preview),
        expires_at: Set(expires_at),
        updated_at: Set(now),
        ..Default::default()
    };
    change(db, id, columns).await
}

/// Takes a pending invitation back; false if it is not pending any more.
pub async fn revoke(db: &impl ConnectionTrait, id: InvitationId, now: Timestamp) -> Result<bool, DbErr> {
    let columns = ActiveModel { status: Set(InvitationStatus::Revoked), updated_at: Set(now), ..Default::default() };
    change(db, id, columns).await
}

/// Notes that a pending invitation was accepted; false if it is not pending any more.
pub async fn accept(db: &impl ConnectionTrait, id: InvitationId, by: UserId, now: Timestamp) -> Result<bool, DbErr> {
    let columns = ActiveModel {
        status: Set(InvitationStatus::Accepted),
        accepted_by: Set(Some(by)),
        accepted_at: Set(Some(now)),
        updated_at: Set(now),
        ..Default::default()
    };
    change(db, id, columns).await
}

async fn change(db: &impl ConnectionTrait, id: InvitationId, columns: ActiveModel) -> Result<bool, DbErr> {
    let changed = Entity::update_many()
        .set(columns)
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(InvitationStatus::Pending))
        .exec(db)
        .await?;
    Ok(changed.rows_affected == 1)
}

/// The newest invitation of an address that can still be accepted.
pub async fn pending_for(db: &impl ConnectionTrait, email: &str, now: Timestamp) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::Email.eq(email))
        .filter(Column::Status.eq(InvitationStatus::Pending))
        .filter(Column::ExpiresAt.gt(now))
        .order_by_desc(Column::Id)
        .one(db)
        .await
}
