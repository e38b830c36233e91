use std::collections::{BTreeMap, HashMap};

use entity::resource::{Kind, Resource, TeamMember, TeamSpec, TeamState};
use entity::row::team::{Column, Entity};
use entity::row::{api_key, team_member, user};
use entity::vocab::TeamRole;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::{Found, IN_LIST, Row, Stored, counts, filters, slugs};
use crate::store::reach::Reach;

impl Stored for TeamSpec {
    const KIND: Kind = Kind::Team;
    type State = TeamState;
    type Entity = Entity;
    const ID: Column = Column::Id;
    const NAME: Column = Column::Name;
    const CREATED: Column = Column::CreatedAt;
    const ORGANISATION: Option<Column> = Some(Column::OrganisationId);

    filters! {
        "member", "Only teams that this user belongs to, by e-mail address or id.", Text, member(Column::Id);
    }

    fn reached(reach: Reach) -> Condition {
        reach.of_teams(Column::Id.into_expr())
    }

    async fn hydrate(db: &impl ConnectionTrait, rows: Vec<Row<Self>>) -> Result<Vec<Found<Self>>, DbErr> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
        let slugs = slugs(db, rows.iter().map(|row| row.organisation_id)).await?;
        let keys = counts::<api_key::Entity>(db, api_key::Column::TeamId, &ids).await?;
        let mut members = members(db, &ids).await?;
        let found = |row: Row<Self>| {
            let members = members.remove(&row.id.0).unwrap_or_default();
            let children = members.iter().map(|(id, member)| (member.user.clone(), *id)).collect::<BTreeMap<_, _>>();
            Found {
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
                        description: row.description,
                        members: members.into_iter().map(|(_, member)| member).collect(),
                        policies: row.policies.unwrap_or_default(),
                    },
                    status: TeamState { slug: row.slug, keys: keys.get(&row.id.0).copied().unwrap_or(0) },
                },
                children,
                holder: None,
            }
        };
        Ok(rows.into_iter().map(found).collect())
    }
}

/// The members of teams, by e-mail address.
async fn members(db: &impl ConnectionTrait, teams: &[Uuid]) -> Result<HashMap<Uuid, Vec<(Uuid, TeamMember)>>, DbErr> {
    let mut members: HashMap<Uuid, Vec<(Uuid, TeamMember)>> = HashMap::new();
    for teams in teams.chunks(IN_LIST) {
        let rows: Vec<(Uuid, Uuid, String, TeamRole)> = team_member::Entity::find()
            .select_only()
            .column(team_member::Column::TeamId)
            .column(team_member::Column::Id)
            .column(user::Column::Email)
            .column(team_member::Column::Role)
            .join(
                JoinType::InnerJoin,
                team_member::Entity::belongs_to(user::Entity)
                    .from(team_member::Column::UserId)
                    .to(user::Column::Id)
                    .into(),
            )
            .filter(team_member::Column::TeamId.is_in(teams.iter().copied()))
            .order_by_asc(user::Column::Email)
            .into_tuple()
            .all(db)
            .await?;
        for (team, id, user, role) in rows {
            members.entry(team).or_default().push((id, TeamMember { user, role }));
        }
    }
    Ok(members)
}
