use entity::resource::{Kind, Resource, UserSpec, UserState};
use entity::row::user::{Column, Entity};
use entity::vocab::{Role, UserStatus};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr};

use super::{Found, Row, Stored, filters, slugs};
use crate::store::reach::Reach;

impl Stored for UserSpec {
    const KIND: Kind = Kind::User;
    type State = UserState;
    type Entity = Entity;
    const ID: Column = Column::Id;
    const NAME: Column = Column::Email;
    const CREATED: Column = Column::CreatedAt;
    const ORGANISATION: Option<Column> = Some(Column::OrganisationId);

    filters! {
        "role", "Only users of this role.", Words(Role), word::<Role>(Column::Role);
        "status", "Only users of this status.", Words(UserStatus), word::<UserStatus>(Column::Status);
        "team", "Only members of this team, by name or id.", Text, belongs();
    }

    fn reached(reach: Reach) -> Condition {
        reach.of_users(Column::Id.into_expr())
    }

    async fn hydrate(db: &impl ConnectionTrait, rows: Vec<Row<Self>>) -> Result<Vec<Found<Self>>, DbErr> {
        let slugs = slugs(db, rows.iter().filter_map(|row| row.organisation_id)).await?;
        let found = |row: Row<Self>| Found {
            organisation_id: row.organisation_id,
            resource: Resource {
                id: row.id.0,
                name: row.email,
                organisation: row.organisation_id.and_then(|id| slugs.get(&id).cloned()),
                revision: row.revision,
                labels: Default::default(),
                protect: false,
                created_at: row.created_at,
                updated_at: row.updated_at,
                spec: Self { display_name: row.display_name, role: row.role, status: row.status },
                status: UserState { last_sign_in_at: row.last_sign_in_at },
            },
            children: Default::default(),
            holder: None,
        };
        Ok(rows.into_iter().map(found).collect())
    }
}
