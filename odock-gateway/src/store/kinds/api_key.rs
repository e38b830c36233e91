use std::collections::{BTreeMap, HashMap};

use entity::resource::{ApiKeySpec, ApiKeyState, Kind, Resource};
use entity::row::api_key::{Column, Entity};
use entity::row::{api_key_model_access, model, team, user};
use entity::vocab::ApiKeyType;
use sea_orm::{Condition, ConnectionTrait, DbErr};
use uuid::Uuid;

use super::links::{End, Link, links};
use super::model::names;
use super::{Found, Row, Stored, filters, slugs};
use crate::store::reach::Reach;

impl Stored for ApiKeySpec {
    const KIND: Kind = Kind::ApiKey;
    type State = ApiKeyState;
    type Entity = Entity;
    const ID: Column = Column::Id;
    const NAME: Column = Column::Name;
    const CREATED: Column = Column::CreatedAt;
    const ORGANISATION: Option<Column> = Some(Column::OrganisationId);

    filters! {
        "type", "Only keys of this type.", Words(ApiKeyType), word::<ApiKeyType>(Column::Kind);
        "team", "Only keys of this team, by name or id.", Text, team(Column::TeamId);
        "user", "Only keys of this user, by e-mail address or id.", Text, user(Column::UserId);
        "model", "Only keys that may call this model, by name or id.", Text, granted();
        "revoked", "Only keys that are revoked, or are not.", Flag, present(Column::RevokedAt);
        "revealed", "Only keys whose secret was shown, or was not.", Flag, flag(Column::Revealed);
        "expiresBefore", "Only keys that expire before this instant.", Instant, before(Column::ExpiresAt);
    }

    fn reached(reach: Reach) -> Condition {
        reach.of_keys()
    }

    async fn hydrate(db: &impl ConnectionTrait, rows: Vec<Row<Self>>) -> Result<Vec<Found<Self>>, DbErr> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
        let slugs = slugs(db, rows.iter().map(|row| row.organisation_id)).await?;
        let team_ids = rows.iter().filter_map(|row| row.team_id).map(|id| id.0);
        let teams = names::<team::Entity>(db, [team::Column::Id, team::Column::Name], team_ids).await?;
        let user_ids = rows.iter().filter_map(|row| row.user_id).map(|id| id.0);
        let users = names::<user::Entity>(db, [user::Column::Id, user::Column::Email], user_ids).await?;
        let mut grants = grants(db, &ids).await?;
        let found = |row: Row<Self>| {
            let children = grants.remove(&row.id.0).unwrap_or_default();
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
                        r#type: row.kind,
                        team: row.team_id.and_then(|id| teams.get(&id.0).cloned()),
                        user: row.user_id.and_then(|id| users.get(&id.0).cloned()),
                        expiry: row.expires_at,
                        models: children.keys().cloned().collect(),
                        policies: row.policies.unwrap_or_default(),
                        routing: row.routing.unwrap_or_default(),
                    },
                    status: ApiKeyState {
                        preview: row.preview,
                        revealed: row.revealed,
                        revoked_at: row.revoked_at,
                        rotations: u32::try_from(row.rotations).unwrap_or(0),
                        previous_valid_until: row.previous_valid_until,
                        pending_until: row.pending_until.filter(|_| row.next_hash.is_none()),
                        rotation_pending_until: row.pending_until.filter(|_| row.next_hash.is_some()),
                        last_used_at: None,
                    },
                },
                children,
                holder: None,
            }
        };
        Ok(rows.into_iter().map(found).collect())
    }
}

/// The models that keys may call: name and the grant's id.
async fn grants(db: &impl ConnectionTrait, keys: &[Uuid]) -> Result<HashMap<Uuid, BTreeMap<String, Uuid>>, DbErr> {
    use api_key_model_access::Column as Grant;
    let grant = Link::<api_key_model_access::Entity> { owner: Grant::ApiKeyId, id: Grant::Id, to: Grant::ModelId };
    links(db, grant, End::<model::Entity> { id: model::Column::Id, name: model::Column::Name }, keys).await
}
