//! The audit log: appended to, and read newest first.

use entity::audit::AuditEvent;
use entity::row::audit_event::{ActiveModel, Column, Entity, Model};
use entity::{OrganisationId, Timestamp};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::listing::earlier;

/// Appends one event.
pub async fn append(db: &impl ConnectionTrait, event: ActiveModel) -> Result<(), DbErr> {
    Entity::insert(event).exec_without_returning(db).await.map(drop)
}

/// Events of one organisation, or of all, newest first, after `before` and at most `limit`.
pub async fn page(
    db: &impl ConnectionTrait,
    organisation: Option<OrganisationId>,
    before: Option<(Timestamp, Uuid)>,
    limit: u64,
) -> Result<Vec<AuditEvent>, DbErr> {
    let mut select = Entity::find().order_by_desc(Column::At).order_by_desc(Column::Id).limit(limit);
    if let Some(organisation) = organisation {
        select = select.filter(Column::OrganisationId.eq(organisation));
    }
    if let Some((at, id)) = before {
        select = select.filter(earlier(Column::At, Column::Id, at, id));
    }
    Ok(select.all(db).await?.into_iter().map(shown).collect())
}

fn shown(row: Model) -> AuditEvent {
    AuditEvent {
        id: row.id,
        at: row.at,
        actor: row.actor,
        token: row.token,
        address: row.address,
        verb: row.verb,
        resource: row.resource,
        name: row.name,
        before: row.before,
        after: row.after,
        request_id: row.request_id,
        outcome: row.outcome,
    }
}
