//! What refers to a resource: what cannot be without it, and what merely loses a reference.

use entity::OrganisationId;
use entity::resource::{
    ApiKeySpec, BudgetSpec, Kind, ModelSpec, OverlaySpec, ProviderSpec, QuotaSpec, ServiceAccountSpec, TeamSpec,
    UserSpec,
};
use entity::routing::Routing;
use entity::row::{
    api_key, api_key_model_access, budget, model, policy_overlay, quota, service_account, service_account_team, team,
    team_member,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::kinds::{self, Scope};

/// Values in one `IN (…)`.
const IN_LIST: usize = 5_000;

/// A resource that cannot be without another.
#[derive(Clone, Debug)]
pub struct Dependant {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// A resource that loses a reference, and so changes.
#[derive(Clone, Debug)]
pub struct Touched {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its revision before.
    pub revision: i64,
}

/// What cannot be without the resource, itself included in nothing.
pub async fn dependants(db: &impl ConnectionTrait, kind: Kind, id: Uuid) -> Result<Vec<Dependant>, DbErr> {
    let of = |kind| move |(id, name): (Uuid, String)| Dependant { kind, id, name };
    let mut all: Vec<Dependant> = match kind {
        Kind::Organisation => {
            let scope = Scope::Within(OrganisationId(id));
            let mut all = Vec::new();
            all.extend(kinds::names::<UserSpec>(db, scope).await?.into_iter().map(of(Kind::User)));
            all.extend(kinds::names::<TeamSpec>(db, scope).await?.into_iter().map(of(Kind::Team)));
            let accounts = kinds::names::<ServiceAccountSpec>(db, scope).await?;
            all.extend(accounts.into_iter().map(of(Kind::ServiceAccount)));
            all.extend(kinds::names::<ProviderSpec>(db, scope).await?.into_iter().map(of(Kind::Provider)));
            all.extend(kinds::names::<ModelSpec>(db, scope).await?.into_iter().map(of(Kind::Model)));
            all.extend(kinds::names::<ApiKeySpec>(db, scope).await?.into_iter().map(of(Kind::ApiKey)));
            all.extend(kinds::names::<BudgetSpec>(db, scope).await?.into_iter().map(of(Kind::Budget)));
            all.extend(kinds::names::<QuotaSpec>(db, scope).await?.into_iter().map(of(Kind::Quota)));
            all.extend(kinds::names::<OverlaySpec>(db, scope).await?.into_iter().map(of(Kind::Overlay)));
            return Ok(all);
        }
        Kind::User => keys(db, api_key::Column::UserId, id).await?.into_iter().map(of(Kind::ApiKey)).collect(),
        Kind::Team => keys(db, api_key::Column::TeamId, id).await?.into_iter().map(of(Kind::ApiKey)).collect(),
        Kind::Provider => {
            let models: Vec<(Uuid, String)> = model::Entity::find()
                .select_only()
                .columns([model::Column::Id, model::Column::Name])
                .filter(model::Column::ProviderId.eq(id))
                .order_by_asc(model::Column::Name)
                .into_tuple()
                .all(db)
                .await?;
            models.into_iter().map(of(Kind::Model)).collect()
        }
        Kind::ServiceAccount | Kind::Model | Kind::ApiKey | Kind::Budget | Kind::Quota | Kind::Overlay => Vec::new(),
    };
    let holders: Vec<Uuid> = std::iter::once(id).chain(all.iter().map(|one| one.id)).collect();
    all.extend(held(db, &holders).await?);
    Ok(all)
}

/// The budgets, quotas and overlays of these.
async fn held(db: &impl ConnectionTrait, holders: &[Uuid]) -> Result<Vec<Dependant>, DbErr> {
    let mut held = Vec::new();
    for holders in holders.chunks(IN_LIST) {
        let budgets = held_in::<budget::Entity>(
            db,
            [budget::Column::Id, budget::Column::Name, budget::Column::OwnerId],
            Kind::Budget,
            holders,
        );
        held.extend(budgets.await?);
        let quotas = held_in::<quota::Entity>(
            db,
            [quota::Column::Id, quota::Column::Name, quota::Column::OwnerId],
            Kind::Quota,
            holders,
        );
        held.extend(quotas.await?);
        use policy_overlay::Column;
        let overlays =
            held_in::<policy_overlay::Entity>(db, [Column::Id, Column::Name, Column::ScopeId], Kind::Overlay, holders);
        held.extend(overlays.await?);
    }
    Ok(held)
}

async fn held_in<E: EntityTrait>(
    db: &impl ConnectionTrait,
    [id, name, holder]: [E::Column; 3],
    kind: Kind,
    holders: &[Uuid],
) -> Result<Vec<Dependant>, DbErr> {
    let rows: Vec<(Uuid, String)> = E::find()
        .select_only()
        .columns([id, name])
        .filter(holder.is_in(holders.iter().copied()))
        .order_by_asc(name)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, name)| Dependant { kind, id, name }).collect())
}

async fn keys(db: &impl ConnectionTrait, column: api_key::Column, owner: Uuid) -> Result<Vec<(Uuid, String)>, DbErr> {
    api_key::Entity::find()
        .select_only()
        .columns([api_key::Column::Id, api_key::Column::Name])
        .filter(column.eq(owner))
        .order_by_asc(api_key::Column::Name)
        .into_tuple()
        .all(db)
        .await
}

/// What loses a reference when resources of a kind go: keys a model, teams a member, service accounts a team.
pub async fn touched(db: &impl ConnectionTrait, kind: Kind, ids: &[Uuid]) -> Result<Vec<Touched>, DbErr> {
    let mut touched = Vec::new();
    for ids in ids.chunks(IN_LIST) {
        match kind {
            Kind::Model => touched.extend(keys_granted(db, ids).await?),
            Kind::User => touched.extend(teams_joined(db, ids).await?),
            Kind::Team => touched.extend(accounts_joined(db, ids).await?),
            Kind::Organisation
            | Kind::ServiceAccount
            | Kind::Provider
            | Kind::ApiKey
            | Kind::Budget
            | Kind::Quota
            | Kind::Overlay => {}
        }
    }
    Ok(touched)
}

async fn keys_granted(db: &impl ConnectionTrait, models: &[Uuid]) -> Result<Vec<Touched>, DbErr> {
    use api_key_model_access::{Column, Entity};
    let rows: Vec<(Uuid, String, i64)> = Entity::find()
        .select_only()
        .column(api_key::Column::Id)
        .column(api_key::Column::Name)
        .column(api_key::Column::Revision)
        .distinct()
        .join(
            JoinType::InnerJoin,
            Entity::belongs_to(api_key::Entity).from(Column::ApiKeyId).to(api_key::Column::Id).into(),
        )
        .filter(Column::ModelId.is_in(models.iter().copied()))
        .order_by_asc(api_key::Column::Name)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, name, revision)| Touched { kind: Kind::ApiKey, id, name, revision }).collect())
}

async fn teams_joined(db: &impl ConnectionTrait, users: &[Uuid]) -> Result<Vec<Touched>, DbErr> {
    use team_member::{Column, Entity};
    let rows: Vec<(Uuid, String, i64)> = Entity::find()
        .select_only()
        .column(team::Column::Id)
        .column(team::Column::Name)
        .column(team::Column::Revision)
        .distinct()
        .join(JoinType::InnerJoin, Entity::belongs_to(team::Entity).from(Column::TeamId).to(team::Column::Id).into())
        .filter(Column::UserId.is_in(users.iter().copied()))
        .order_by_asc(team::Column::Name)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, name, revision)| Touched { kind: Kind::Team, id, name, revision }).collect())
}

/// The keys of an organisation that have a routing policy: name, id and policy.
pub async fn routed(
    db: &impl ConnectionTrait,
    organisation: OrganisationId,
) -> Result<Vec<(String, Uuid, Routing)>, DbErr> {
    let rows: Vec<(String, Uuid, Option<Routing>)> = api_key::Entity::find()
        .select_only()
        .columns([api_key::Column::Name, api_key::Column::Id, api_key::Column::Routing])
        .filter(api_key::Column::OrganisationId.eq(organisation))
        .filter(api_key::Column::Routing.is_not_null())
        .order_by_asc(api_key::Column::Name)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().filter_map(|(name, id, routing)| Some((name, id, routing?))).collect())
}

async fn accounts_joined(db: &impl ConnectionTrait, teams: &[Uuid]) -> Result<Vec<Touched>, DbErr> {
    use service_account_team::{Column, Entity};
    let to_account =
        Entity::belongs_to(service_account::Entity).from(Column::ServiceAccountId).to(service_account::Column::Id);
    let rows: Vec<(Uuid, String, i64)> = Entity::find()
        .select_only()
        .column(service_account::Column::Id)
        .column(service_account::Column::Name)
        .column(service_account::Column::Revision)
        .distinct()
        .join(JoinType::InnerJoin, to_account.into())
        .filter(Column::TeamId.is_in(teams.iter().copied()))
        .order_by_asc(service_account::Column::Name)
        .into_tuple()
        .all(db)
        .await?;
    let touched = |(id, name, revision)| Touched { kind: Kind::ServiceAccount, id, name, revision };
    Ok(rows.into_iter().map(touched).collect())
}
