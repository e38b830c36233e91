//! From the hash of a virtual key to everything that a request needs to know about its caller.

use std::sync::Arc;

use entity::row::{SecretHash, api_key, api_key_model_access, model, organisation, team, user};
use entity::vocab::{OrganisationStatus, ScopeType, UserStatus};
use entity::{ModelId, Timestamp};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QuerySelect};

use uuid::Uuid;

use super::limits;
use crate::auth::{KeyHash, Principal, Refusal};

/// Lower-case hex, as hashes are stored.
pub fn hex(hash: &KeyHash) -> String {
    use std::fmt::Write;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The principal of a key, whether or not it may call; `None` if nobody has the key at `now`.
pub async fn by_hash(db: &impl ConnectionTrait, hash: &KeyHash, now: Timestamp) -> Result<Option<Principal>, DbErr> {
    let hash = SecretHash(hex(hash));
    // A key whose first secret has not arrived yet is nobody's. Of one that is being rotated, the old secret works.
    let in_force =
        Condition::any().add(api_key::Column::PendingUntil.is_null()).add(api_key::Column::NextHash.is_not_null());
    let current = Condition::all().add(api_key::Column::SecretHash.eq(hash.clone())).add(in_force);
    let overlapping = Condition::all()
        .add(api_key::Column::PreviousHash.eq(hash.clone()))
        .add(api_key::Column::PreviousValidUntil.gt(now));
    let Some(key) = api_key::Entity::find().filter(Condition::any().add(current).add(overlapping)).one(db).await?
    else {
        return Ok(None);
    };
    let Some(organisation) = organisation::Entity::find_by_id(key.organisation_id).one(db).await? else {
        return Ok(None);
    };
    let team = match key.team_id {
        Some(id) => team::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let user = match key.user_id {
        Some(id) => user::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let models: Vec<(ModelId, String)> = api_key_model_access::Entity::find()
        .select_only()
        .column(model::Column::Id)
        .column(model::Column::Name)
        .join_rev(
            JoinType::InnerJoin,
            model::Entity::belongs_to(api_key_model_access::Entity)
                .from(model::Column::Id)
                .to(api_key_model_access::Column::ModelId)
                .into(),
        )
        .filter(api_key_model_access::Column::ApiKeyId.eq(key.id))
        .into_tuple()
        .all(db)
        .await?;
    let refused = if key.revoked_at.is_some() {
        Some(Refusal::Revoked)
    } else if organisation.status != OrganisationStatus::Active {
        Some(Refusal::OrganisationSuspended)
    } else if user.as_ref().is_some_and(|user| user.status != UserStatus::Active) {
        Some(Refusal::UserInactive)
    } else {
        None
    };
    // A secret that was rotated away stops at the end of its overlap, however long the key itself lives.
    let is_previous = key.secret_hash != hash;
    let expires_at = match (key.expires_at, key.previous_valid_until.filter(|_| is_previous)) {
        (Some(key), Some(overlap)) => Some(key.min(overlap)),
        (key, overlap) => key.or(overlap),
    };
    let owners: Vec<Uuid> = [Some(organisation.id.0), key.team_id.map(|id| id.0), key.user_id.map(|id| id.0)]
        .into_iter()
        .flatten()
        .chain([key.id.0])
        .collect();
    let limits = limits::of_owners(db, &owners).await?.into_iter().map(Arc::new).collect();
    let scopes = [
        Some((ScopeType::Org, organisation.id.0, organisation.policies)),
        team.as_ref().map(|team| (ScopeType::Team, team.id.0, team.policies.clone())),
        Some((ScopeType::ApiKey, key.id.0, key.policies)),
    ];
    let switched_on = organisation.routing.is_some_and(|routing| routing.enabled);
    let routing = key.routing.filter(|routing| switched_on && !routing.0.is_empty()).map(Arc::new);
    let scopes = limits::scopes(db, scopes.into_iter().flatten(), now).await?;
    Ok(Some(Principal {
        organisation_id: organisation.id,
        organisation: organisation.slug,
        team: team.map(|team| (team.id, team.name)),
        user: user.map(|user| (user.id, user.email)),
        key_id: key.id,
        key: key.name,
        key_type: key.kind,
        expires_at,
        refused,
        models: models.into_iter().map(|(id, name)| (name, id)).collect(),
        scopes,
        limits,
        routing,
    }))
}
