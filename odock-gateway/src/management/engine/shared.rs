//! Facts that bind resources of one kind together: names that are unique everywhere, the last super admin, slugs,
//! credentials in use.

use entity::check::Violation;
use entity::resource::{Kind, TeamSpec, UserSpec};
use sea_orm::ConnectionTrait;

use super::Space;
use super::plan::Planner;
use super::prepare::{Item, taken_elsewhere};
use crate::management::problem::{ApiError, REFERENCED};
use crate::store;

/// Loads what the checks of users and teams need.
pub(super) async fn load(
    planner: &mut Planner<'_>,
    users: &[Item<UserSpec>],
    teams: &[Item<TeamSpec>],
    tx: &impl ConnectionTrait,
) -> Result<(), ApiError> {
    let new: Vec<&str> = users.iter().filter(|item| item.found.is_none()).map(|item| item.name.as_str()).collect();
    if !new.is_empty() {
        planner.taken_users.extend(taken_elsewhere::<UserSpec>(&new, tx).await?);
    }
    if matches!(planner.setting.space, Space::Nowhere) && !users.is_empty() {
        planner.super_admins.extend(store::users::active_super_admins(tx).await?);
    }
    if let (Space::Tenant(tenant), true) = (&planner.setting.space, teams.iter().any(|item| item.found.is_none())) {
        planner.team_slugs.extend(store::teams::slugs(tx, tenant.id).await?);
    }
    Ok(())
}

/// Refuses to take away a credential that a model uses, unless the same change gives the model another.
pub(super) async fn check_removed_provider_keys(
    planner: &mut Planner<'_>,
    tx: &impl ConnectionTrait,
) -> Result<(), ApiError> {
    if planner.removed_keys.is_empty() {
        return Ok(());
    }
    let ids = planner.removed_keys.iter().map(|key| key.id);
    let users = store::provider_keys::used_by(tx, ids).await?;
    let removed = std::mem::take(&mut planner.removed_keys);
    for key in removed {
        // A model that is declared too was checked against the credentials as they will be.
        let models = users.iter().filter(|(used, _)| *used == key.id).map(|(_, model)| model);
        let models: Vec<&str> =
            models.filter(|model| !planner.refs.is_declared(Kind::Model, model)).map(String::as_str).collect();
        if !models.is_empty() {
            let message = format!("the key `{}` is used by {}", key.name, super::remove::listed("model", &models));
            let violation = Violation::new("/keys", REFERENCED, message).hint("give the models another key first");
            planner.report(key.place.of_spec(Kind::Provider, &key.provider, violation));
        }
    }
    Ok(())
}
