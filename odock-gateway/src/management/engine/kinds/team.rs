use std::collections::{BTreeMap, HashSet};

use entity::check::Violation;
use entity::plan::FieldChange;
use entity::policy::Policies;
use entity::resource::{Kind, TeamSpec};
use entity::row::{team, team_member};
use entity::{TeamId, TeamMemberId, UserId};
use sea_orm::ActiveValue::{NotSet, Set};

use crate::management::access::bounds::Bounds;
use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::engine::refs::Refs;
use crate::management::problem::ApiError;

impl Planned for TeamSpec {
    fn register(item: &Item<Self>, refs: &mut Refs) {
        for member in &item.spec.members {
            refs.want(Kind::User, &member.user);
        }
    }

    fn check(item: &Item<Self>, _: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>) {
        for (index, member) in item.spec.members.iter().enumerate() {
            planner.refs.check(Kind::User, &member.user, &format!("/members/{index}/user"), found);
        }
    }

    fn permit(item: &Item<Self>, _: &Bounds, found: &mut Vec<Violation>) {
        Bounds::team(item.found.as_ref().map(|found| &found.resource.spec), &item.spec, found);
    }

    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
        let now = planner.now;
        let columns = team::ActiveModel {
            id: NotSet,
            organisation_id: NotSet,
            name: NotSet,
            slug: NotSet,
            description: Set(item.spec.description.clone()),
            policies: Set(Some(item.spec.policies.clone()).filter(|policies| *policies != Policies::default())),
            revision: Set(item.next_revision()),
            created_at: NotSet,
            updated_at: Set(now),
        };
        match &item.found {
            Some(found) => planner.batch.teams.changed.push((found.resource.id, columns)),
            None => {
                let organisation = planner.organisation()?;
                let slug = free_slug(&item.name, &mut planner.team_slugs);
                planner.batch.teams.new.push(team::ActiveModel {
                    id: Set(TeamId(item.id)),
                    organisation_id: Set(organisation),
                    name: Set(item.name.clone()),
                    slug: Set(slug),
                    created_at: Set(now),
                    ..columns
                });
            }
        }
        put_members(item, planner)
    }
}

fn put_members(item: &Item<TeamSpec>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
    let now = planner.now;
    let old = item.found.as_ref();
    let roles: BTreeMap<&str, _> =
        old.iter().flat_map(|found| &found.resource.spec.members).map(|m| (m.user.as_str(), m.role)).collect();
    let rows = &mut planner.batch.members;
    for member in &item.spec.members {
        let columns = team_member::ActiveModel {
            id: NotSet,
            team_id: NotSet,
            user_id: NotSet,
            role: Set(member.role),
            created_at: NotSet,
            updated_at: Set(now),
        };
        match old.and_then(|found| found.children.get(&member.user)) {
            Some(_) if roles.get(member.user.as_str()) == Some(&member.role) => {}
            Some(id) => rows.changed.push((*id, columns)),
            None => {
                let user = planner.refs.id(Kind::User, &member.user);
                let user = user.ok_or_else(|| ApiError::internal("a member was not resolved"))?;
                rows.new.push(team_member::ActiveModel {
                    id: Set(TeamMemberId::new()),
                    team_id: Set(TeamId(item.id)),
                    user_id: Set(UserId(user)),
                    created_at: Set(now),
                    ..columns
                });
            }
        }
    }
    let stays: HashSet<&str> = item.spec.members.iter().map(|member| member.user.as_str()).collect();
    let left = old.iter().flat_map(|found| &found.children).filter(|(user, _)| !stays.contains(user.as_str()));
    rows.gone.extend(left.map(|(_, id)| *id));
    Ok(())
}

/// The URL-safe form of a name, numbered if another team has it.
fn free_slug(name: &str, taken: &mut HashSet<String>) -> String {
    let mut slug: String = name
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    while slug.contains("--") {
        slug = slug.replace("--", "-");
    }
    let slug = match slug.trim_matches('-') {
        "" => "team",
        slug => slug,
    };
    let free = if taken.contains(slug) {
        (2_u64..).map(|number| format!("{slug}-{number}")).find(|slug| !taken.contains(slug))
    } else {
        None
    };
    let free = free.unwrap_or_else(|| slug.to_owned());
    taken.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_safe_and_unique() {
        let mut taken = HashSet::new();
        let slugs =
            ["Search", "search", "SEARCH!", "データ", "チーム", "a  b / c"].map(|name| free_slug(name, &mut taken));
        assert_eq!(slugs, ["search", "search-2", "search-3", "team", "team-2", "a-b-c"]);
    }
}
