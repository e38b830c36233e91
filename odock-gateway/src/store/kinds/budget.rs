use entity::resource::{BudgetSpec, Kind, LimitState, Owner, Resource};
use entity::row::budget::{Column, Entity};
use entity::vocab::{OwnerType, Period};
use entity::{Money, Timestamp};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{Found, IN_LIST, Row, Stored, filters, holders, slugs};
use crate::store::reach::Reach;
use crate::store::{limits, windows};

impl Stored for BudgetSpec {
    const KIND: Kind = Kind::Budget;
    type State = LimitState;
    type Entity = Entity;
    const ID: Column = Column::Id;
    const NAME: Column = Column::Name;
    const CREATED: Column = Column::CreatedAt;
    const ORGANISATION: Option<Column> = Some(Column::OrganisationId);

    filters! {
        "ownerType", "Only limits of owners of this type.", Words(OwnerType), word::<OwnerType>(Column::OwnerType);
        "team", "Only limits of this team, by name or id.", Text, team(Column::OwnerId);
        "user", "Only limits of this user, by e-mail address or id.", Text, user(Column::OwnerId);
        "key", "Only limits of this key, by name or id.", Text, key(Column::OwnerId);
        "period", "Only limits of this period.", Words(Period), word::<Period>(Column::Period);
        "active", "Only limits that are in force, or are not.", Flag, flag(Column::Active);
    }

    fn reached(reach: Reach) -> Condition {
        reach.of_limits(Column::OwnerId.into_expr())
    }

    async fn hydrate(db: &impl ConnectionTrait, rows: Vec<Row<Self>>) -> Result<Vec<Found<Self>>, DbErr> {
        let slugs = slugs(db, rows.iter().map(|row| row.organisation_id)).await?;
        let owners = rows.iter().map(|row| (holders::of_owner(row.owner_type), row.owner_id));
        let names = holders::names(db, owners).await?;
        let found = |row: Row<Self>| {
            let amount_usd = Money::from_nanos(row.amount_nanos)
                .ok_or_else(|| DbErr::Type(format!("budget {}: amount_nanos is {}", row.id, row.amount_nanos)))?;
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
                        owner: Owner { r#type: row.owner_type, name: names.get(&row.owner_id).cloned() },
                        amount_usd,
                        enforcement: row.enforcement,
                        period: row.period,
                        start: row.starts_at,
                        end: row.ends_at,
                        timezone: row.timezone,
                        rollover: row.rollover,
                        thresholds: row.thresholds.0,
                        active: row.active,
                    },
                    status: LimitState { window: None },
                },
                children: Default::default(),
                holder: Some(row.owner_id),
            })
        };
        rows.into_iter().map(found).collect()
    }

    async fn as_of(db: &impl ConnectionTrait, now: Timestamp, found: &mut [Found<Self>]) -> Result<(), DbErr> {
        let ids: Vec<Uuid> = found.iter().map(|found| found.resource.id).collect();
        let mut open = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IN_LIST) {
            let rows = Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?;
            open.extend(rows.into_iter().map(limits::from_budget));
        }
        let mut states = windows::open(db, &open, now).await?;
        for found in found {
            found.resource.status.window = states.remove(&found.resource.id);
        }
        Ok(())
    }
}
