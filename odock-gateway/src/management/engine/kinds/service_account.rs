use std::collections::BTreeSet;

use entity::check::Violation;
use entity::plan::FieldChange;
use entity::resource::{Kind, ServiceAccountSpec};
use entity::row::access_token::Scopes;
use entity::row::{TrustRules, service_account, service_account_team};
use entity::{ServiceAccountId, ServiceAccountTeamId, TeamId};
use sea_orm::ActiveValue::{NotSet, Set};

use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::engine::refs::Refs;
use crate::management::problem::{ApiError, FORBIDDEN};

impl Planned for ServiceAccountSpec {
    fn register(item: &Item<Self>, refs: &mut Refs) {
        item.spec.teams.iter().for_each(|team| refs.want(Kind::Team, team));
    }

    fn check(item: &Item<Self>, fields: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>) {
        for (index, team) in item.spec.teams.iter().enumerate() {
            planner.refs.check(Kind::Team, team, &format!("/teams/{index}"), found);
        }
        // Nobody grants more than they hold. What was granted before, by somebody who held it, may stay.
        let caller = &planner.setting.caller;
        let changed = |field: &str| fields.iter().any(|change| change.path.starts_with(field)) || item.found.is_none();
        if item.spec.role < caller.role && (changed("/role") || changed("/trust") || changed("/scopes")) {
            let message = format!("your own role is {}, and nobody grants more than they hold", caller.role);
            found.push(Violation::new("/role", FORBIDDEN, message));
        }
        let held: BTreeSet<_> = caller.token.scopes.iter().copied().collect();
        if let Some(more) = item.spec.scopes.difference(&held).next()
            && (changed("/scopes") || changed("/trust"))
        {
            let message = format!("your own token lacks `{more}`, and nobody grants more than they hold");
            found.push(Violation::new("/scopes", FORBIDDEN, message));
        }
    }

    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
        let (spec, now) = (item.spec.clone(), planner.now);
        let columns = service_account::ActiveModel {
            id: NotSet,
            organisation_id: NotSet,
            name: NotSet,
            description: Set(spec.description),
            role: Set(spec.role),
            scopes: Set(Scopes(spec.scopes.into_iter().collect())),
            trust: Set(TrustRules(spec.trust)),
            disabled: Set(spec.disabled),
            revision: Set(item.next_revision()),
            created_at: NotSet,
            updated_at: Set(now),
        };
        match &item.found {
            Some(found) => planner.batch.service_accounts.changed.push((found.resource.id, columns)),
            None => {
                let organisation_id = Set(planner.organisation()?);
                planner.batch.service_accounts.new.push(service_account::ActiveModel {
                    id: Set(ServiceAccountId(item.id)),
                    organisation_id,
                    name: Set(item.name.clone()),
                    created_at: Set(now),
                    ..columns
                });
            }
        }
        put_teams(item, planner)
    }

    fn consequences(item: &Item<Self>, _: &[FieldChange]) -> Vec<String> {
        let was_enabled = item.found.as_ref().is_some_and(|found| !found.resource.spec.disabled);
        if was_enabled && item.spec.disabled {
            return vec!["its tokens are refused".into()];
        }
        Vec::new()
    }
}

fn put_teams(item: &Item<ServiceAccountSpec>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
    let old = item.found.as_ref().map(|found| &found.children);
    for team in item.spec.teams.iter().filter(|team| old.is_none_or(|old| !old.contains_key(*team))) {
        let id = planner.refs.id(Kind::Team, team);
        let id = id.ok_or_else(|| ApiError::internal("a service account's team was not resolved"))?;
        planner.batch.service_account_teams.new.push(service_account_team::ActiveModel {
            id: Set(ServiceAccountTeamId::new()),
            service_account_id: Set(ServiceAccountId(item.id)),
            team_id: Set(TeamId(id)),
            created_at: Set(planner.now),
            updated_at: Set(planner.now),
        });
    }
    let gone = old.into_iter().flatten().filter(|(team, _)| !item.spec.teams.contains(*team)).map(|(_, id)| *id);
    planner.batch.service_account_teams.gone.extend(gone);
    Ok(())
}
