use std::collections::{BTreeMap, HashMap};

use entity::Timestamp;
use entity::resource::{Kind, Resource, ServiceAccountSpec, ServiceAccountState};
use entity::row::service_account::{Column, Entity};
use entity::row::{service_account_team, service_account_token, team};
use entity::vocab::ServiceTokenKind;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::links::{End, Link, links};
use super::{Found, IN_LIST, Row, Stored, slugs};

impl Stored for ServiceAccountSpec {
    const KIND: Kind = Kind::ServiceAccount;
    type State = ServiceAccountState;
    type Entity = Entity;
    const ID: Column = Column::Id;
    const NAME: Column = Column::Name;
    const CREATED: Column = Column::CreatedAt;
    const ORGANISATION: Option<Column> = Some(Column::OrganisationId);

    async fn hydrate(db: &impl ConnectionTrait, rows: Vec<Row<Self>>) -> Result<Vec<Found<Self>>, DbErr> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
        let slugs = slugs(db, rows.iter().map(|row| row.organisation_id)).await?;
        let mut teams = teams(db, &ids).await?;
        let used = last_used(db, &ids).await?;
        let found = |row: Row<Self>| {
            let children = teams.remove(&row.id.0).unwrap_or_default();
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
                        role: row.role,
                        scopes: row.scopes.0.into_iter().collect(),
                        teams: children.keys().cloned().collect(),
                        trust: row.trust.0,
                        disabled: row.disabled,
                    },
                    status: ServiceAccountState { tokens: 0, last_used_at: used.get(&row.id.0).copied() },
                },
                children,
                holder: None,
            }
        };
        Ok(rows.into_iter().map(found).collect())
    }

    async fn as_of(db: &impl ConnectionTrait, now: Timestamp, found: &mut [Found<Self>]) -> Result<(), DbErr> {
        use service_account_token::Column as Token;
        let ids: Vec<Uuid> = found.iter().map(|found| found.resource.id).collect();
        let mut working: HashMap<Uuid, i64> = HashMap::new();
        for ids in ids.chunks(IN_LIST) {
            let pairs: Vec<(Uuid, i64)> = service_account_token::Entity::find()
                .select_only()
                .column(Token::ServiceAccountId)
                .column_as(Token::Id.count(), "n")
                .filter(Token::ServiceAccountId.is_in(ids.iter().copied()))
                .filter(Token::Kind.eq(ServiceTokenKind::Issued))
                .filter(Token::RevokedAt.is_null())
                .filter(Token::ExpiresAt.gt(now))
                .group_by(Token::ServiceAccountId)
                .into_tuple()
                .all(db)
                .await?;
            working.extend(pairs);
        }
        for Found { resource, .. } in found {
            let tokens = working.get(&resource.id).copied().unwrap_or(0);
            resource.status.tokens = u64::try_from(tokens).unwrap_or(0);
        }
        Ok(())
    }
}

/// The teams of service accounts, by name, with the rows that say so.
async fn teams(db: &impl ConnectionTrait, accounts: &[Uuid]) -> Result<HashMap<Uuid, BTreeMap<String, Uuid>>, DbErr> {
    use service_account_team::{Column, Entity};
    let membership = Link::<Entity> { owner: Column::ServiceAccountId, id: Column::Id, to: Column::TeamId };
    links(db, membership, End::<team::Entity> { id: team::Column::Id, name: team::Column::Name }, accounts).await
}

/// When a token of each was last used.
async fn last_used(db: &impl ConnectionTrait, accounts: &[Uuid]) -> Result<HashMap<Uuid, Timestamp>, DbErr> {
    use service_account_token::{Column, Entity};
    let mut used = HashMap::new();
    for accounts in accounts.chunks(IN_LIST) {
        let pairs: Vec<(Uuid, Option<Timestamp>)> = Entity::find()
            .select_only()
            .column(Column::ServiceAccountId)
            .column_as(Column::LastUsedAt.max(), "used")
            .filter(Column::ServiceAccountId.is_in(accounts.iter().copied()))
            .group_by(Column::ServiceAccountId)
            .into_tuple()
            .all(db)
            .await?;
        used.extend(pairs.into_iter().filter_map(|(account, at)| Some((account, at?))));
    }
    Ok(used)
}
