//! Deletes what an owner applied before and no longer declares, within its guards.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use entity::manifest::Seen;
use entity::ownership::MANUAL;
use entity::plan::{Action, Change};
use entity::problem::FieldError;
use entity::resource::{
    ApiKeySpec, BudgetSpec, Kind, ModelSpec, OverlaySpec, ProviderSpec, QuotaSpec, ServiceAccountSpec, TeamSpec,
    UserSpec,
};
use entity::{ApiKeyId, OrganisationId};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::plan::{Planned, Planner};
use super::{Space, remove, word};
use crate::management::problem::{ApiError, Code, REFERENCED, shortened};
use crate::store;
use crate::store::kinds::{Found, Scope};

/// Deletions that pruning may make where nobody says how many.
pub(in crate::management) const MAX_DELETES: u32 = 10;
/// A key that was used within this time is not deleted without being asked for.
const ACTIVE: Duration = Duration::from_secs(86_400);
/// Code of a resource that a guard keeps.
const GUARDED: &str = "guarded";

/// How far pruning may go.
#[derive(Clone, Copy, Debug)]
pub(in crate::management) struct Prune {
    /// The most resources that it deletes.
    pub(in crate::management) max_deletes: u32,
    /// Whether it deletes keys that are in use.
    pub(in crate::management) active: bool,
}

/// A resource that is to go.
struct Leaving {
    kind: Kind,
    id: Uuid,
    name: String,
}

/// Plans the deletions.
pub(super) async fn plan(planner: &mut Planner<'_>, prune: Prune, tx: &impl ConnectionTrait) -> Result<(), ApiError> {
    // Of a new organisation nothing was ever applied.
    let Space::Tenant(tenant) = &planner.setting.space else { return Ok(()) };
    let organisation = tenant.id;
    let owner = planner.setting.owner().to_owned();
    let mut gone = store::ownership::of_owner(tx, organisation, &owner).await?;
    gone.retain(|owned| !planner.declared.contains(&owned.resource) && owned.kind != Kind::Organisation.as_str());
    if gone.is_empty() {
        return Ok(());
    }
    let owners = store::ownership::owners(tx, gone.iter().map(|owned| owned.resource)).await?;
    let shared = |id: Uuid| owners.get(&id).is_some_and(|all| all.iter().any(|one| *one != owner && one != MANUAL));
    let (going, released): (Vec<_>, Vec<_>) = gone.into_iter().partition(|owned| owned.born && !shared(owned.resource));
    planner.batch.released.extend(released.into_iter().map(|owned| owned.row));
    let mut by_kind: HashMap<Kind, Vec<Uuid>> = HashMap::new();
    for owned in going {
        if let Some(kind) = Kind::ALL.iter().find(|kind| kind.as_str() == owned.kind) {
            by_kind.entry(*kind).or_default().push(owned.resource);
        }
    }
    let mut leaving = Vec::new();
    // In the opposite order of their dependencies.
    for kind in Kind::ALL.iter().rev() {
        let Some(ids) = by_kind.remove(kind) else { continue };
        match kind {
            Kind::Organisation => {}
            Kind::User => take::<UserSpec>(planner, organisation, &ids, &mut leaving, tx).await?,
            Kind::ServiceAccount => take::<ServiceAccountSpec>(planner, organisation, &ids, &mut leaving, tx).await?,
            Kind::Team => take::<TeamSpec>(planner, organisation, &ids, &mut leaving, tx).await?,
            Kind::Provider => take::<ProviderSpec>(planner, organisation, &ids, &mut leaving, tx).await?,
            Kind::Model => take::<ModelSpec>(planner, organisation, &ids, &mut leaving, tx).await?,
            Kind::ApiKey => take::<ApiKeySpec>(planner, organisation, &ids, &mut leaving, tx).await?,
            Kind::Budget => take::<BudgetSpec>(planner, organisation, &ids, &mut leaving, tx).await?,
            Kind::Quota => take::<QuotaSpec>(planner, organisation, &ids, &mut leaving, tx).await?,
            Kind::Overlay => take::<OverlaySpec>(planner, organisation, &ids, &mut leaving, tx).await?,
        }
    }
    guard(planner, prune, &leaving, tx).await?;
    refuse_orphans(planner, &leaving, tx).await
}

/// Plans the deletion of resources of one kind.
async fn take<S: Planned>(
    planner: &mut Planner<'_>,
    organisation: OrganisationId,
    ids: &[Uuid],
    leaving: &mut Vec<Leaving>,
    tx: &impl ConnectionTrait,
) -> Result<(), ApiError> {
    let mut found = store::kinds::by_ids::<S>(tx, Scope::Within(organisation), ids).await?;
    found.sort_by(|one, other| one.resource.name.cmp(&other.resource.name));
    let touched = store::referrers::touched(tx, S::KIND, ids).await?;
    for found in found {
        let Found { resource, .. } = &found;
        planner.base.push(Seen { kind: S::KIND, name: resource.name.clone(), revision: resource.revision });
        leaving.push(Leaving { kind: S::KIND, id: resource.id, name: resource.name.clone() });
        planner.deletions.push(Change {
            action: Action::Delete,
            kind: S::KIND,
            organisation: resource.organisation.clone(),
            name: resource.name.clone(),
            renamed_from: None,
            fields: Vec::new(),
            consequences: follows(S::KIND),
        });
        remove::gone(&mut planner.batch, S::KIND, resource.id);
        planner.subjects.push(resource.id);
        planner.subjects.extend(found.holder);
        planner.note_gone(&found)?;
    }
    // What loses a reference is looked up anew, wherever it is cached.
    planner.subjects.extend(touched.iter().map(|one| one.id));
    Ok(())
}

/// What follows from a deletion.
fn follows(kind: Kind) -> Vec<String> {
    let line = match kind {
        Kind::ApiKey => "requests with it are refused within a second",
        Kind::Model => "requests for it are refused within a second",
        Kind::User => "the user's tokens stop working",
        Kind::Budget | Kind::Quota => "nothing caps any more what it capped",
        Kind::ServiceAccount => "its tokens stop working",
        Kind::Overlay => "the limits that it scaled are whole again",
        Kind::Organisation | Kind::Team | Kind::Provider => return Vec::new(),
    };
    vec![line.to_owned()]
}

/// What no deletion may pass.
async fn guard(
    planner: &Planner<'_>,
    prune: Prune,
    leaving: &[Leaving],
    tx: &impl ConnectionTrait,
) -> Result<(), ApiError> {
    if leaving.len() > usize::try_from(prune.max_deletes).unwrap_or(usize::MAX) {
        let title = format!("{} resources would be deleted, and {} are allowed", leaving.len(), prune.max_deletes);
        let hint =
            format!("check that the files are whole; if they are, allow as many with maxDeletes ({})", leaving.len());
        let errors = leaving.iter().take(100).map(|one| kept(one, "is no longer declared"));
        return Err(ApiError::new(Code::Guarded, title).hint(hint).errors(errors.collect()));
    }
    let ids: Vec<Uuid> = leaving.iter().map(|one| one.id).collect();
    let protected: HashSet<Uuid> = store::metadata::protected(tx, &ids).await?.into_iter().collect();
    let mut errors: Vec<FieldError> =
        leaving.iter().filter(|one| protected.contains(&one.id)).map(|one| kept(one, "is protected")).collect();
    let mut hint = "to let it go, apply its manifest with `protect: false` first";
    if errors.is_empty() && !prune.active {
        for one in leaving.iter().filter(|one| one.kind == Kind::ApiKey) {
            let Some(at) = store::usage::last_use(tx, ApiKeyId(one.id)).await? else { continue };
            if planner.now.since(at) < ACTIVE {
                errors.push(kept(one, &format!("was used within the last day, at {at}")));
            }
        }
        hint = "delete keys that are in use with pruneActive";
    }
    match &errors[..] {
        [] => Ok(()),
        [error] => Err(ApiError::new(Code::Guarded, error.message.clone()).hint(hint).errors(errors)),
        several => {
            let title = format!("{} resources are kept from being deleted", several.len());
            Err(ApiError::new(Code::Guarded, title).hint(hint).errors(errors))
        }
    }
}

fn kept(one: &Leaving, why: &str) -> FieldError {
    FieldError {
        manifest: None,
        kind: Some(one.kind),
        name: Some(one.name.clone()),
        pointer: String::new(),
        code: GUARDED.into(),
        message: format!("the {} `{}` {why}", word(one.kind), shortened(&one.name)),
    }
}

/// Refuses to take away what something else needs that stays.
async fn refuse_orphans(planner: &Planner<'_>, leaving: &[Leaving], tx: &impl ConnectionTrait) -> Result<(), ApiError> {
    let going: HashSet<Uuid> = leaving.iter().map(|one| one.id).collect();
    let mut errors = Vec::new();
    for one in leaving {
        let mut referrers: Vec<(Uuid, String)> = Vec::new();
        let of = |kind: Kind, name: &str| format!("{} `{}`", word(kind), shortened(name));
        let dependants = store::referrers::dependants(tx, one.kind, one.id).await?;
        referrers.extend(dependants.into_iter().map(|by| (by.id, of(by.kind, &by.name))));
        let touched = store::referrers::touched(tx, one.kind, &[one.id]).await?;
        referrers.extend(touched.into_iter().map(|by| (by.id, of(by.kind, &by.name))));
        // What is declared too has been merged already, and says itself what it refers to.
        referrers.retain(|(id, _)| !going.contains(id) && !planner.declared.contains(id));
        let mut names: Vec<String> = referrers.into_iter().map(|(_, name)| name).collect();
        if planner.refs.is_looked_up(one.kind, one.id) {
            names.push("a resource that is declared".into());
        }
        if let Some(first) = names.first() {
            let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
            let message =
                format!("the {} `{}` is still needed by the {first}{more}", word(one.kind), shortened(&one.name));
            errors.push(FieldError { code: REFERENCED.into(), message, ..kept(one, "") });
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    let title = match &errors[..] {
        [error] => error.message.clone(),
        several => format!("{} resources that would be deleted are still needed", several.len()),
    };
    let hint = "keep them in the files, or take the references away first";
    Err(ApiError::new(Code::Conflict, title).hint(hint).errors(errors))
}
