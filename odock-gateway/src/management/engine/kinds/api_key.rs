use entity::check::Violation;
use entity::plan::{FieldChange, LEFT_TO_REVEAL};
use entity::policy::Policies;
use entity::resource::{ApiKeySpec, Kind};
use entity::routing::Routing;
use entity::row::{api_key, api_key_model_access};
use entity::vocab::ApiKeyType;
use entity::{ApiKeyId, GrantId, ModelId, TeamId, UserId};
use sea_orm::ActiveValue::Set;
use uuid::Uuid;

use super::key_secret;
use crate::management::access::bounds::Bounds;
use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::engine::refs::Refs;
use crate::management::problem::ApiError;
use crate::store::kinds::Found;

impl Planned for ApiKeySpec {
    fn register(item: &Item<Self>, refs: &mut Refs) {
        let Self { team, user, models, routing, .. } = &item.spec;
        team.iter().for_each(|team| refs.want(Kind::Team, team));
        user.iter().for_each(|user| refs.want(Kind::User, user));
        models.iter().for_each(|model| refs.want(Kind::Model, model));
        routing.names().for_each(|(_, _, model)| refs.want(Kind::Model, model));
    }

    fn check(item: &Item<Self>, fields: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>) {
        let Self { team, user, models, routing, .. } = &item.spec;
        team.iter().for_each(|team| planner.refs.check(Kind::Team, team, "/team", found));
        user.iter().for_each(|user| planner.refs.check(Kind::User, user, "/user", found));
        for (index, model) in models.iter().enumerate() {
            planner.refs.check(Kind::Model, model, &format!("/models/{index}"), found);
        }
        // A policy that stays as it is may name models that have gone since; calls leave them out.
        let is_new = fields.iter().any(|field| field.path.starts_with("/routing"));
        for (kind, place, model) in routing.names().filter(|_| is_new) {
            planner.refs.check_model(kind, model, &format!("/routing{place}"), found);
        }
    }

    fn permit(item: &Item<Self>, bounds: &Bounds, found: &mut Vec<Violation>) {
        bounds.api_key(item.found.as_ref().map(|found| &found.resource.spec), &item.spec, found);
    }

    fn may_delete(spec: &Self, _: &Bounds) -> bool {
        spec.r#type == ApiKeyType::Team
    }

    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
        let id = |kind, name: &Option<String>| name.as_ref().and_then(|name| planner.refs.id(kind, name));
        let columns = api_key::ActiveModel {
            team_id: Set(id(Kind::Team, &item.spec.team).map(TeamId)),
            user_id: Set(id(Kind::User, &item.spec.user).map(UserId)),
            kind: Set(item.spec.r#type),
            expires_at: Set(item.spec.expiry),
            policies: Set(Some(item.spec.policies.clone()).filter(|policies| *policies != Policies::default())),
            routing: Set(Some(item.spec.routing.clone()).filter(|routing| *routing != Routing::default())),
            revision: Set(item.next_revision()),
            updated_at: Set(planner.now),
            ..Default::default()
        };
        match &item.found {
            Some(found) => {
                let columns = key_secret::renewed(item, columns, planner)?;
                planner.batch.api_keys.changed.push((found.resource.id, columns));
            }
            None => {
                let columns = key_secret::first(item, columns, planner)?;
                planner.batch.api_keys.new.push(columns);
            }
        }
        put_grants(item, planner)
    }

    /// A key whose secret never arrived is nobody's, and may be made again.
    fn may_be_made_anew(found: &Found<Self>) -> bool {
        found.resource.status.pending_until.is_some()
    }

    fn beside(item: &Item<Self>, planner: &Planner<'_>) -> Vec<FieldChange> {
        key_secret::replaced(item, planner).into_iter().collect()
    }

    fn consequences(item: &Item<Self>, fields: &[FieldChange]) -> Vec<String> {
        match &item.found {
            None => vec![LEFT_TO_REVEAL.into()],
            Some(_) if fields.iter().any(|field| field.path == key_secret::FIELD) => {
                vec!["the secret that it has stops working at once".into()]
            }
            Some(_) => Vec::new(),
        }
    }
}

fn put_grants(item: &Item<ApiKeySpec>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
    let old = item.found.as_ref().map(|found| &found.children);
    let granted = |model: &str| old.is_some_and(|grants| grants.contains_key(model));
    for model in item.spec.models.iter().filter(|model| !granted(model)) {
        let id = planner.refs.id(Kind::Model, model);
        let id = id.ok_or_else(|| ApiError::internal("a key's model was not resolved"))?;
        planner.batch.grants.new.push(grant(item.id, id, planner));
    }
    let gone = old.into_iter().flatten().filter(|(model, _)| !item.spec.models.contains(*model)).map(|(_, id)| *id);
    planner.batch.grants.gone.extend(gone);
    Ok(())
}

fn grant(key: Uuid, model: Uuid, planner: &Planner<'_>) -> api_key_model_access::ActiveModel {
    api_key_model_access::ActiveModel {
        id: Set(GrantId::new()),
        api_key_id: Set(ApiKeyId(key)),
        model_id: Set(ModelId(model)),
        created_at: Set(planner.now),
        updated_at: Set(planner.now),
    }
}
