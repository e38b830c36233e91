use entity::check::Violation;
use entity::plan::FieldChange;
use entity::policy::Policies;
use entity::resource::{ApiKeySpec, Kind};
use entity::routing::Routing;
use entity::row::{api_key, api_key_model_access};
use entity::{ApiKeyId, GrantId, ModelId, TeamId, UserId};
use sea_orm::ActiveValue::Set;
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::auth::unknown_key_subject;
use crate::credential::{self, CredentialKind};
use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::engine::refs::Refs;
use crate::management::problem::ApiError;

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
            Some(found) => planner.batch.api_keys.changed.push((found.resource.id, columns)),
            None => {
                let row = with_secret(item, columns, planner)?;
                planner.batch.api_keys.new.push(row);
            }
        }
        put_grants(item, planner)
    }

    fn consequences(item: &Item<Self>, _: &[FieldChange]) -> Vec<String> {
        match &item.found {
            None => vec!["a secret is generated; `reveal` shows it once".into()],
            Some(_) => Vec::new(),
        }
    }
}

/// A new key with a new secret: handed out now, or sealed for one later reveal.
fn with_secret(
    item: &Item<ApiKeySpec>,
    columns: api_key::ActiveModel,
    planner: &mut Planner<'_>,
) -> Result<api_key::ActiveModel, ApiError> {
    let secret = credential::generate(CredentialKind::VirtualKey)?;
    let text = secret.expose_secret();
    let reveal = planner.setting.reveal;
    let sealed = if reveal { None } else { Some(planner.gateway.sealing.seal(&secret).map_err(ApiError::internal)?) };
    // The key may have been tried before it existed.
    planner.subjects.push(unknown_key_subject(&credential::hash_bytes(text)));
    let row = api_key::ActiveModel {
        id: Set(ApiKeyId(item.id)),
        organisation_id: Set(planner.organisation()?),
        name: Set(item.name.clone()),
        secret_hash: Set(credential::hash(text)),
        sealed_secret: Set(sealed),
        preview: Set(credential::preview(text)),
        revealed: Set(reveal),
        revoked_at: Set(None),
        rotations: Set(0),
        previous_hash: Set(None),
        previous_valid_until: Set(None),
        created_at: Set(planner.now),
        ..columns
    };
    if reveal {
        planner.issued.insert(item.id, secret);
    }
    Ok(row)
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
