//! Nobody grants more than they hold: what those whose reach is limited may do to what they reach.
//!
//! The table says which resources a manager or a user gets to change, this says how far. A manager deals out what an
//! administrator gave the team: its keys call models that a key of the team may call already, and share its budgets. What
//! binds the team as a whole (its policies, its own budgets and quotas) can be tightened, not loosened. A user's keys can be
//! narrowed by the user. References beyond the reach are refused in the same words whether or not there is such a thing.

use std::collections::HashSet;

use entity::OrganisationId;
use entity::check::Violation;
use entity::resource::{ApiKeySpec, BudgetSpec, ModelSpec, Owner, QuotaSpec, TeamSpec, UserSpec};
use entity::vocab::{ApiKeyType, Enforcement, OwnerType};
use sea_orm::ConnectionTrait;

use crate::management::problem::{ApiError, FORBIDDEN, shortened};
use crate::store::kinds::{Scope, names};
use crate::store::reach::Reach;

/// What a caller of limited reach holds, by name.
#[derive(Debug, Default)]
pub(in crate::management) struct Bounds {
    /// Teams that the caller manages.
    teams: HashSet<String>,
    /// Models that a key in reach may call.
    models: HashSet<String>,
    /// Keys of those teams.
    keys: HashSet<String>,
}

impl Bounds {
    /// Looks up what the caller holds; `None` for those whose reach has no limit.
    pub(in crate::management) async fn load(
        db: &impl ConnectionTrait,
        organisation: OrganisationId,
        reach: Reach,
    ) -> Result<Option<Self>, ApiError> {
        if !reach.is_limited() {
            return Ok(None);
        }
        let scope = Scope::Reached(organisation, reach);
        let only = |pairs: Vec<(uuid::Uuid, String)>| pairs.into_iter().map(|(_, name)| name).collect();
        Ok(Some(Self {
            teams: only(names::<TeamSpec>(db, scope).await?),
            models: only(names::<ModelSpec>(db, scope).await?),
            keys: crate::store::reach::team_keys(db, organisation, reach).await?,
        }))
    }

    /// Refuses a kind that only those who reach everything may change.
    pub(in crate::management) fn closed(found: &mut Vec<Violation>) {
        found.push(forbidden("", "only an administrator of the organisation changes that"));
    }

    /// A virtual key: of a managed team, with models that are held; a user's own can only be narrowed.
    pub(in crate::management) fn api_key(&self, was: Option<&ApiKeySpec>, is: &ApiKeySpec, found: &mut Vec<Violation>) {
        if let Some(was) = was.filter(|was| was.r#type != ApiKeyType::Team) {
            return narrowed(was, is, found);
        }
        match &is.team {
            Some(team) if is.r#type == ApiKeyType::Team => self.holds(&self.teams, team, "/team", "team", found),
            _ => {
                found.push(forbidden("/type", "a key that a manager makes is of type TEAM, of a team that it manages"))
            }
        }
        let granted = |model: &str| was.is_some_and(|was| was.models.contains(model));
        for (index, model) in is.models.iter().enumerate().filter(|(_, model)| !granted(model)) {
            self.holds(&self.models, model, &format!("/models/{index}"), "model", found);
        }
        if was.is_none_or(|was| was.routing != is.routing) {
            for (_, place, model) in is.routing.names() {
                self.holds(&self.models, model, &format!("/routing{place}"), "model", found);
            }
        }
    }

    /// A team: what it is called and who is in it, but not what binds it.
    pub(in crate::management) fn team(was: Option<&TeamSpec>, is: &TeamSpec, found: &mut Vec<Violation>) {
        match was {
            None => Self::closed(found),
            Some(was) if was.policies != is.policies => {
                found.push(forbidden("/policies", "only an administrator changes the policies that bind a team"));
            }
            Some(_) => {}
        }
    }

    /// A user: its profile, but neither what it may do nor whether it may sign in.
    pub(in crate::management) fn user(was: Option<&UserSpec>, is: &UserSpec, found: &mut Vec<Violation>) {
        let Some(was) = was else { return Self::closed(found) };
        if was.role != is.role {
            found.push(forbidden("/role", "only an administrator changes roles"));
        }
        if was.status != is.status {
            found.push(forbidden("/status", "only an administrator changes whether somebody may sign in"));
        }
    }

    /// A budget.
    pub(in crate::management) fn budget(&self, was: Option<&BudgetSpec>, is: &BudgetSpec, found: &mut Vec<Violation>) {
        self.owner(was.map(|was| &was.owner), &is.owner, found);
        let Some(was) = was.filter(|_| is.owner.r#type == OwnerType::Team) else { return };
        if is.amount_usd > was.amount_usd {
            found.push(loosened("/amountUsd"));
        }
        if was.enforcement == Enforcement::Hard && is.enforcement != Enforcement::Hard {
            found.push(loosened("/enforcement"));
        }
        let calendar = (was.period, was.start, was.end, &was.timezone, was.rollover);
        calendar_kept(calendar == (is.period, is.start, is.end, &is.timezone, is.rollover), found);
        switched_off(was.active, is.active, found);
    }

    /// A quota.
    pub(in crate::management) fn quota(&self, was: Option<&QuotaSpec>, is: &QuotaSpec, found: &mut Vec<Violation>) {
        self.owner(was.map(|was| &was.owner), &is.owner, found);
        let Some(was) = was.filter(|_| is.owner.r#type == OwnerType::Team) else { return };
        if is.limit > was.limit {
            found.push(loosened("/limit"));
        }
        if is.metric != was.metric {
            found.push(loosened("/metric"));
        }
        let calendar = (was.period, was.start, was.end, &was.timezone, was.rollover);
        calendar_kept(calendar == (is.period, is.start, is.end, &is.timezone, is.rollover), found);
        switched_off(was.active, is.active, found);
    }

    fn owner(&self, was: Option<&Owner>, is: &Owner, found: &mut Vec<Violation>) {
        if was.is_some_and(|was| was != is) {
            return found.push(forbidden("/owner", "only an administrator changes whom a limit binds"));
        }
        match (is.r#type, &is.name) {
            (OwnerType::Team, Some(team)) => self.holds(&self.teams, team, "/owner/name", "team", found),
            (OwnerType::ApiKey, Some(key)) => self.holds(&self.keys, key, "/owner/name", "key of a team", found),
            _ => found
                .push(forbidden("/owner/type", "a manager's limits bind a TEAM that it manages or one of its keys")),
        }
    }

    fn holds(&self, held: &HashSet<String>, name: &str, pointer: &str, what: &str, found: &mut Vec<Violation>) {
        if !held.contains(name) {
            let message = match what {
                "model" => format!("no key of yours may call a model `{}`", shortened(name)),
                what => format!("you manage no {what} `{}`", shortened(name)),
            };
            found.push(forbidden(pointer, message).hint("an administrator of the organisation can"));
        }
    }

    /// Whether a budget or quota of this owner may go: what divides a team's share may, what binds the team may not.
    pub(in crate::management) fn may_delete_limit(&self, owner: &Owner) -> bool {
        owner.r#type == OwnerType::ApiKey && owner.name.as_ref().is_some_and(|key| self.keys.contains(key))
    }
}

/// A user's own key: it may end sooner and call less.
fn narrowed(was: &ApiKeySpec, is: &ApiKeySpec, found: &mut Vec<Violation>) {
    let sooner = match (was.expiry, is.expiry) {
        (_, None) => was.expiry.is_none(),
        (None, Some(_)) => true,
        (Some(was), Some(is)) => is <= was,
    };
    if !sooner {
        found.push(forbidden("/expiry", "only an administrator lets your own key live longer"));
    }
    for (index, _) in is.models.iter().enumerate().filter(|(_, model)| !was.models.contains(*model)) {
        found.push(forbidden(&format!("/models/{index}"), "only an administrator grants models to your own key"));
    }
    let rest = ApiKeySpec { expiry: is.expiry, models: is.models.clone(), ..was.clone() };
    if rest != *is {
        found.push(forbidden("", "of your own key you can change `expiry` and `models`, to less"));
    }
}

fn calendar_kept(kept: bool, found: &mut Vec<Violation>) {
    if !kept {
        found.push(forbidden("/period", "only an administrator changes the calendar of a limit that binds a team"));
    }
}

fn switched_off(was: bool, is: bool, found: &mut Vec<Violation>) {
    if was && !is {
        found.push(loosened("/active"));
    }
}

fn loosened(pointer: &str) -> Violation {
    forbidden(pointer, "what binds the whole team can be tightened by a manager, not loosened")
}

fn forbidden(pointer: &str, message: impl Into<String>) -> Violation {
    Violation::new(pointer, FORBIDDEN, message.into())
}
