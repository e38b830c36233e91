use entity::Timestamp;
use entity::policy::Factor;
use entity::resource::{Kind, OverlayScope, OverlaySpec, OverlayState, Resource};
use entity::row::policy_overlay::{Column, Entity};
use entity::vocab::ScopeType;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr};

use super::{Found, Row, Stored, filters, holders, slugs};
use crate::store::reach::Reach;

impl Stored for OverlaySpec {
    const KIND: Kind = Kind::Overlay;
    type State = OverlayState;
    type Entity = Entity;
    const ID: Column = Column::Id;
    const NAME: Column = Column::Name;
    const CREATED: Column = Column::CreatedAt;
    const ORGANISATION: Option<Column> = Some(Column::OrganisationId);

    filters! {
        "scopeType", "Only overlays of scopes of this type.", Words(ScopeType), word::<ScopeType>(Column::ScopeType);
        "team", "Only overlays of this team, by name or id.", Text, team(Column::ScopeId);
        "key", "Only overlays of this key, by name or id.", Text, key(Column::ScopeId);
        "model", "Only overlays of this model, by name or id.", Text, model(Column::ScopeId);
        "endsAfter", "Only overlays that end at this instant or later.", Instant, since(Column::EndsAt);
    }

    fn reached(reach: Reach) -> Condition {
        reach.of_limits(Column::ScopeId.into_expr())
    }

    async fn hydrate(db: &impl ConnectionTrait, rows: Vec<Row<Self>>) -> Result<Vec<Found<Self>>, DbErr> {
        let slugs = slugs(db, rows.iter().map(|row| row.organisation_id)).await?;
        let scopes = rows.iter().filter_map(|row| Some((holders::of_scope(row.scope_type)?, row.scope_id)));
        let names = holders::names(db, scopes).await?;
        let found = |row: Row<Self>| {
            let factor = u32::try_from(row.factor_thousandths).ok().and_then(Factor::from_thousandths);
            let factor = factor.ok_or_else(|| {
                DbErr::Type(format!("policy_overlay {}: factor_thousandths is {}", row.id, row.factor_thousandths))
            })?;
            Ok(Found {
                organisation_id: Some(row.organisation_id),
                resource: Resource {
                    id: row.id.0,
                    name: row.name,
                    organisation: slugs.get(&row.organisation_id).cloned(),
                    revision: row.revision,
                    labels: Default::default(),
                    protect: false,
                    created_at: row.created_at,
                    updated_at: row.updated_at,
                    spec: Self {
                        scope: OverlayScope { r#type: row.scope_type, name: names.get(&row.scope_id).cloned() },
                        factor,
                        reason: row.reason,
                        starts: row.starts_at,
                        ends: row.ends_at,
                    },
                    status: OverlayState { in_force: false },
                },
                children: Default::default(),
                holder: Some(row.scope_id),
            })
        };
        rows.into_iter().map(found).collect()
    }

    async fn as_of(_: &impl ConnectionTrait, now: Timestamp, found: &mut [Found<Self>]) -> Result<(), DbErr> {
        for Found { resource, .. } in found {
            let spec = &resource.spec;
            resource.status.in_force = spec.starts.is_none_or(|start| start <= now) && now < spec.ends;
        }
        Ok(())
    }
}
