use entity::resource::{Kind, OrganisationSpec, OrganisationState, Resource};
use entity::row::organisation::{Column, Entity};
use entity::vocab::OrganisationStatus;
use sea_orm::{Condition, ConnectionTrait, DbErr};

use super::{Found, Row, Stored, filters};
use crate::store::reach::Reach;

impl Stored for OrganisationSpec {
    const KIND: Kind = Kind::Organisation;
    type State = OrganisationState;
    type Entity = Entity;
    const ID: Column = Column::Id;
    const NAME: Column = Column::Slug;
    const CREATED: Column = Column::CreatedAt;
    const ORGANISATION: Option<Column> = None;

    filters! {
        "status", "Only organisations of this status.", Words(OrganisationStatus), word::<OrganisationStatus>(Column::Status);
    }

    fn reached(_: Reach) -> Condition {
        // Its own people may see the organisation that they are in.
        Condition::all()
    }

    async fn hydrate(_: &impl ConnectionTrait, rows: Vec<Row<Self>>) -> Result<Vec<Found<Self>>, DbErr> {
        let found = |row: Row<Self>| Found {
            organisation_id: Some(row.id),
            resource: Resource {
                id: row.id.0,
                name: row.slug,
                organisation: None,
                revision: row.revision,
                labels: Default::default(),
                protect: false,
                created_at: row.created_at,
                updated_at: row.updated_at,
                spec: Self {
                    display_name: row.display_name,
                    contact: row.contact,
                    status: row.status,
                    policies: row.policies.unwrap_or_default(),
                    routing: row.routing.unwrap_or_default(),
                },
                status: OrganisationState {},
            },
            children: Default::default(),
            holder: None,
        };
        Ok(rows.into_iter().map(found).collect())
    }
}
